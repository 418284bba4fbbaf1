/** One conversion from its start to its report, kept up to date by its events. */
import { onScopeDispose, ref, watch, type Ref } from 'vue'

import * as client from '../api/client'
import { follow, isFinal } from '../api/events'
import { problemOf } from '../api/problem'
import type { Conversion, Problem, Report, StageEvent } from '../api/types'
import { advanced, appended } from '../progress'
import { remember } from './useHistory'

/** The last stages are kept; a long battery of checks can send thousands. */
const STAGES = 200

export function useConversion(id: Ref<string>) {
  const conversion = ref<Conversion | null>(null)
  const report = ref<Report | null>(null)
  const stages = ref<StageEvent[]>([])
  const problem = ref<Problem | null>(null)
  const lost = ref(false)
  const fraction = ref(0)
  let control = new AbortController()

  function update(value: Conversion): void {
    conversion.value = value
    remember(value)
  }

  function stage(event: StageEvent): void {
    stages.value = appended(stages.value, event).slice(-STAGES)
    fraction.value = advanced(fraction.value, event)
  }

  async function open(): Promise<void> {
    control.abort()
    const mine = (control = new AbortController())
    conversion.value = report.value = problem.value = null
    stages.value = []
    fraction.value = 0
    lost.value = false
    const current = () => !mine.signal.aborted
    try {
      const first = await client.conversion(id.value)
      if (!current()) return
      update(first)
      if (!isFinal(first.state)) {
        const watcher = { stage, state: update, lost: (now: boolean) => (lost.value = now) }
        await follow(id.value, watcher, mine.signal)
      }
      // The event may be older than the row; what is shown at the end is the row itself.
      const last = await client.conversion(id.value)
      const found = last.state === 'cancelled' ? null : await client.report(id.value)
      if (!current()) return
      update(last)
      report.value = found
    } catch (error) {
      if (current()) problem.value = problemOf(error)
    }
  }

  async function cancel(): Promise<void> {
    try {
      await client.cancel(id.value)
    } catch (error) {
      problem.value = problemOf(error)
    }
  }

  watch(id, open, { immediate: true })
  onScopeDispose(() => control.abort())
  return { conversion, report, stages, fraction, problem, lost, cancel, reload: open }
}
