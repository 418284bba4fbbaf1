/** The API key: asked for when the service answers 401, kept until the tab is closed. */
import { ref } from 'vue'

const SLOT = 'modelport.key'

export const key = ref(sessionStorage.getItem(SLOT) ?? '')
export const asking = ref(false)
export const refused = ref(false)

let answers: Array<(given: boolean) => void> = []

/** Shows the dialog; resolves to whether a key was given. Several callers share one dialog. */
export function askKey(): Promise<boolean> {
  refused.value = key.value !== ''
  asking.value = true
  return new Promise((resolve) => answers.push(resolve))
}

export function answerKey(value: string): void {
  key.value = value.trim()
  if (key.value) sessionStorage.setItem(SLOT, key.value)
  finish(key.value !== '')
}

export function declineKey(): void {
  finish(false)
}

function finish(given: boolean): void {
  asking.value = false
  const waiting = answers
  answers = []
  for (const resolve of waiting) resolve(given)
}
