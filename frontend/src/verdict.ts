/** How a verdict is coloured. The colour is never the only sign: icon and word say the same. */
import type { State, Verdict } from './api/types'

export type Tone = 'good' | 'near' | 'warn' | 'bad' | 'plain'

const VERDICTS: Record<Verdict, Tone> = {
  verified: 'good',
  alike: 'near',
  different: 'bad',
  structural: 'warn',
  unverified: 'warn',
}

const STATES: Record<State, Tone> = {
  queued: 'plain',
  running: 'near',
  converted: 'plain',
  failed: 'bad',
  cancelled: 'plain',
}

export function toneOf(state: State, verdict: Verdict | null): Tone {
  return verdict ? VERDICTS[verdict] : STATES[state]
}
