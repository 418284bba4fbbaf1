/** Builds the page into the import package beside it; nothing is fetched from elsewhere at run time. */
import { fileURLToPath } from 'node:url'

import VueI18n from '@intlify/unplugin-vue-i18n/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const service = process.env['MODELPORT_URL'] ?? 'http://127.0.0.1:8000'
const proxied = { target: service, headers: { origin: service }, changeOrigin: true }

export default defineConfig({
  // Relative, so that the page also works below a path of a reverse proxy.
  base: './',
  plugins: [
    vue(),
    // Messages are compiled at build time: the compiler at run time would need 'unsafe-eval'.
    VueI18n({
      include: [fileURLToPath(new URL('src/locales/*.json', import.meta.url))],
      runtimeOnly: true,
      dropMessageCompiler: true,
      compositionOnly: true,
    }),
  ],
  build: {
    outDir: 'modelport_frontend/dist',
    emptyOutDir: true,
    target: 'es2022',
    // A data: URL would need its own word in the Content-Security-Policy.
    assetsInlineLimit: 0,
    // The polyfill is not needed by the browsers we target.
    modulePreload: { polyfill: false },
  },
  server: { host: '127.0.0.1', proxy: { '/v1': proxied } },
  test: { include: ['test/**/*.test.ts'], environment: 'node' },
})
