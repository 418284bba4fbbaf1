/** Shapes that the user fills in for inputs whose sizes are left open. */
import type { Tensor } from './api/types'

/** What was typed, by input: one text an axis, or a single text where the rank is unknown. */
export type Typed = Record<string, string[]>

export function isDynamic(tensor: Tensor): boolean {
  return tensor.shape === null || tensor.shape.some((size) => typeof size !== 'number')
}

/** Returns one empty text for every axis; fixed sizes are filled in. */
export function blank(inputs: readonly Tensor[]): Typed {
  return Object.fromEntries(
    inputs
      .filter(isDynamic)
      .map((tensor) => [
        tensor.name,
        tensor.shape?.map((size) => (typeof size === 'number' ? String(size) : '')) ?? [''],
      ]),
  )
}

/** The shapes that are complete, and the inputs of which only a part was filled in, or wrongly. */
export interface Filled {
  shapes: Record<string, number[]>
  wrong: string[]
}

export function filled(inputs: readonly Tensor[], typed: Typed): Filled {
  const result: Filled = { shapes: {}, wrong: [] }
  for (const tensor of inputs.filter(isDynamic)) {
    const texts = (typed[tensor.name] ?? []).map((text) => text.trim())
    const open = tensor.shape?.flatMap((size, axis) => (typeof size === 'number' ? [] : [axis])) ?? [0]
    if (open.every((axis) => !texts[axis])) continue
    const sizes = (tensor.shape ? texts : (texts[0] ?? '').split(/[\s,x×]+/)).map(positive)
    if (sizes.every((size) => size !== null)) result.shapes[tensor.name] = sizes
    else result.wrong.push(tensor.name)
  }
  return result
}

function positive(text: string): number | null {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null
}
