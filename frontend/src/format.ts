/** How values are written for people; no state, no DOM. */
import type { Size } from './api/types'

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** Returns bytes in decimal units with three significant digits, e.g. "4.90 MB". */
export function bytes(size: number, locale: string): string {
  let unit = 0
  let value = size
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 }
  return `${new Intl.NumberFormat(locale, digits).format(value)} ${UNITS[unit]}`
}

/** Returns a count in full, with the locale's separators. */
export function count(value: number, locale: string): string {
  return new Intl.NumberFormat(locale).format(value)
}

/** Returns a large count in short, e.g. "1.24 M". */
export function short(value: number): string {
  for (const [limit, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= limit) return `${Number((value / limit).toPrecision(3))} ${letter}`
  }
  return String(value)
}

/** Returns an error figure with three significant digits; null was NaN, infinite or not measured. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(3)))
  return value.toExponential(2)
}

/** Returns a cosine: how near to 1 it is matters, so small distances are kept visible. */
export function cosine(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  return value >= 0.9999995 ? '1.000000' : value.toFixed(6)
}

export function percent(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : `${Number((value * 100).toFixed(2))} %`
}

export function seconds(value: number): string {
  if (value < 60) return `${Number(value.toPrecision(value < 10 ? 2 : 3))} s`
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`
}

/** Returns "1 × 3 × H × ?"; the whole is "?" where the rank is unknown. */
export function shape(sizes: readonly Size[] | null | undefined, scalar: string): string {
  if (sizes === null || sizes === undefined) return '?'
  return sizes.length === 0 ? scalar : sizes.map((size) => size ?? '?').join(' × ')
}

/** Returns a moment in the locale's short form; the text itself where it is no date. */
export function moment(text: string, locale: string): string {
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) return text
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(date)
}
