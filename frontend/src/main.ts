/** Starts the page. */
import './style/element'
import './style/tokens.css'
import './style/page.css'

import { createApp } from 'vue'

import App from './App.vue'
import { i18n, preferred, speak } from './i18n'

// Chinese may fail to load (the service went away): English is there already.
await speak(preferred()).catch(() => undefined)
createApp(App).use(i18n).mount('#app')
