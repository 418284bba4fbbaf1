/** The languages: chosen by the browser, switchable, remembered. Messages are compiled at build time. */
import { createI18n } from 'vue-i18n'

import en from './locales/en.json'

export const LANGUAGES = ['en', 'zh'] as const
export type Language = (typeof LANGUAGES)[number]

const SLOT = 'modelport.language'

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages: { en } as Record<string, typeof en>,
})

export function preferred(): Language {
  const wanted = [localStorage.getItem(SLOT) ?? '', ...navigator.languages]
  for (const tag of wanted) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split('-')[0] === language)
    if (found) return found
  }
  return 'en'
}

/** Shows the page in `language`; Chinese is fetched from the service when first needed. */
export async function speak(language: Language): Promise<void> {
  if (!i18n.global.availableLocales.includes(language)) {
    const messages = (await import('./locales/zh.json')).default
    i18n.global.setLocaleMessage(language, messages)
  }
  i18n.global.locale.value = language
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
}

export async function choose(language: Language): Promise<void> {
  localStorage.setItem(SLOT, language)
  await speak(language)
}
