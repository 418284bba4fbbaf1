/** The address of the page as a value that the views follow. */
import { readonly, ref } from 'vue'

import { link, parse } from '../address'

const current = ref(parse(location.hash))
window.addEventListener('hashchange', () => (current.value = parse(location.hash)))

export const route = readonly(current)

export function go(params: Record<string, string>): void {
  location.hash = link(params)
}
