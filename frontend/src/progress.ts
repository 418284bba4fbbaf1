/** One bar from the stages of the engine, each of which counts by itself and may start again. */
import type { StageEvent } from './api/types'

/** Where each stage begins and ends on the bar: about its share of the time. */
const SPANS: Record<string, readonly [number, number]> = {
  receive: [0, 0.03],
  inspect: [0.03, 0.08],
  reference: [0.08, 0.4],
  convert: [0.4, 0.6],
  verify: [0.6, 0.9],
  weigh: [0.9, 0.96],
  report: [0.96, 1],
}
/** How much of the rest of its stage one event takes: twelve of them take 86 %. */
const STEP = 0.15

/** Returns the stage's name as the page knows it: a converter's id means it converts. */
export function stageOf(event: StageEvent): string {
  return event.stage.includes('-to-') ? 'convert' : event.stage
}

/** Returns what is being worked on; a converter's id stands in the place of the stage. */
export function subjectOf(event: StageEvent): string {
  const detail = event.detail === 'run' ? '' : event.detail
  if (stageOf(event) === event.stage) return detail
  return [event.stage, detail === 'convert' ? '' : detail].filter(Boolean).join(' · ')
}

/** Returns where the bar, now at `at` (0 to 1), moves with `event`: never back, never past the stage. */
export function advanced(at: number, event: StageEvent): number {
  const [begin, end] = SPANS[stageOf(event)] ?? [at, at]
  const from = Math.max(at, begin)
  return from < end ? from + (end - from) * STEP : from
}

/** Returns `events` with `event`, which replaces the last one where a reader could not tell them apart. */
export function appended(events: readonly StageEvent[], event: StageEvent): StageEvent[] {
  const last = events.at(-1)
  const same = last && stageOf(last) === stageOf(event) && subjectOf(last) === subjectOf(event)
  const beginning = last && stageOf(last) === stageOf(event) && subjectOf(last) === ''
  return [...events.slice(0, same || beginning ? -1 : undefined), event]
}
