/** Live events of one conversion, read with fetch() because EventSource cannot send a key. */
import { EventSourceParserStream } from 'eventsource-parser/stream'

import { request } from './client'
import { ApiProblem } from './problem'
import type { Conversion, StageEvent, State } from './types'

const FINAL: ReadonlySet<State> = new Set(['converted', 'failed', 'cancelled'])
/** Seconds before the next try after a lost connection; the last one repeats. */
const DELAYS = [0.5, 1, 2, 5, 10]

export interface Watcher {
  stage: (event: StageEvent) => void
  state: (conversion: Conversion) => void
  /** Whether the connection is lost at the moment. */
  lost: (lost: boolean) => void
}

export function isFinal(state: State): boolean {
  return FINAL.has(state)
}

/** Follows one conversion to its end, over lost connections. Throws ApiProblem on a refusal (4xx). */
export async function follow(
  conversionId: string,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<void> {
  let last = ''
  let failures = 0
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' }
      if (last) headers['Last-Event-ID'] = last
      const path = `conversions/${encodeURIComponent(conversionId)}/events`
      const response = await request(path, { headers, signal })
      watcher.lost(false)
      // It has ended, and everything was told before the connection was lost.
      if (response.status === 204) return
      const reader = events(response).getReader()
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const { id, event, data } = next.value
        failures = 0
        if (id) last = id
        if (dispatch(event, data, watcher)) return void reader.cancel()
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ApiProblem && (error.problem.status ?? 500) < 500) throw error
      watcher.lost(true)
    }
    await pause(DELAYS[Math.min(failures++, DELAYS.length - 1)] ?? 1, signal)
  }
}

function events(response: Response) {
  if (!response.body) throw new TypeError('no body')
  return response.body
    .pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .pipeThrough(new EventSourceParserStream())
}

/** Returns whether the conversion has ended. */
function dispatch(name: string | undefined, data: string, watcher: Watcher): boolean {
  if (name === 'stage') watcher.stage(JSON.parse(data) as StageEvent)
  if (name !== 'state') return false
  const conversion = JSON.parse(data) as Conversion
  watcher.state(conversion)
  return isFinal(conversion.state)
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
