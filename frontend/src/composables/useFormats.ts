/** The formats of the service, asked for once. */
import { ref } from 'vue'

import { formats as fetchFormats } from '../api/client'
import type { FormatEntry } from '../api/types'

export const formats = ref<FormatEntry[]>([])
let asked = false

export async function loadFormats(): Promise<void> {
  if (asked) return
  asked = true
  // A courtesy: without the list a model can still be dropped, which then says what is wrong.
  formats.value = await fetchFormats().catch(() => {
    asked = false
    return []
  })
}

/** Returns what the makers call the format of a target such as "ncnn" or "onnx.fp16". */
export function formatTitle(target: string): string {
  const [id, variant] = target.split('.', 2)
  const title = formats.value.find((format) => format.id === id)?.title
  if (!title) return target
  return variant ? `${title} (${variant})` : title
}
