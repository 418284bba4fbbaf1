/** Downloads. A link cannot carry a key, so with one the file is fetched first and then saved. */
import { key } from '../composables/useKey'
import { address, request } from './client'

/**
 * Saves `path` as `name`. The browser streams it to disk where no key is needed.
 *
 * `accept` names the media type wanted where a path has several; a link cannot say that either.
 */
export async function save(path: string, name: string, accept = ''): Promise<void> {
  if (!key.value && !accept) return click(address(path), name)
  const response = await request(path, { headers: { Accept: accept || '*/*' } })
  const url = URL.createObjectURL(await response.blob())
  click(url, name)
  // Long enough for the browser to have opened it; at once would cancel the save.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

function click(url: string, name: string): void {
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.rel = 'noopener'
  document.body.append(link)
  link.click()
  link.remove()
}
