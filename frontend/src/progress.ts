/** One bar from the stages of the engine, each of which counts from 0 to 1 by itself. */
import type { StageEvent } from './api/types'

/** Where each stage begins and ends on the bar: about the share of the time it takes. */
const SPANS: Record<string, readonly [number, number]> = {
  receive: [0, 0.03],
  inspect: [0.03, 0.1],
  reference: [0.1, 0.3],
  convert: [0.3, 0.6],
  verify: [0.6, 0.9],
  weigh: [0.9, 0.96],
  report: [0.96, 1],
}

/** Returns the stage's name as the page knows it: a converter's id means it converts. */
export function known(stage: string): string {
  return stage.includes('-to-') ? 'convert' : stage
}

/** Returns how far a conversion has come, 0 to 1; the next candidate does not move the bar back. */
export function overall(events: readonly StageEvent[]): number {
  return events.reduce((most, event) => {
    const [begin, end] = SPANS[known(event.stage)] ?? [0, 0]
    const fraction = Math.min(1, Math.max(0, event.fraction || 0))
    return Math.max(most, begin + (end - begin) * fraction)
  }, 0)
}
