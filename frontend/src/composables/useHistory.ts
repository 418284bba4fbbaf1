/** The conversions started or opened in this browser; nothing is sent anywhere. */
import { ref } from 'vue'

import type { Conversion } from '../api/types'

export type Entry = Pick<
  Conversion,
  'id' | 'name' | 'source' | 'target' | 'state' | 'verdict' | 'created_at'
>

const SLOT = 'modelport.history'
const LENGTH = 20

export const history = ref<Entry[]>(read())

export function remember(conversion: Conversion): void {
  const { id, name, source, target, state, verdict, created_at } = conversion
  const entry = { id, name, source, target, state, verdict, created_at }
  const others = history.value.filter((known) => known.id !== id)
  const place = history.value.findIndex((known) => known.id === id)
  others.splice(Math.max(place, 0), 0, entry)
  write(others)
}

export function forget(id: string): void {
  write(history.value.filter((known) => known.id !== id))
}

export function forgetAll(): void {
  write([])
}

function write(entries: Entry[]): void {
  history.value = entries.slice(0, LENGTH)
  localStorage.setItem(SLOT, JSON.stringify(history.value))
}

function read(): Entry[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(SLOT) ?? '[]')
    return Array.isArray(value) ? (value as Entry[]).filter((entry) => typeof entry?.id === 'string') : []
  } catch {
    return []
  }
}
