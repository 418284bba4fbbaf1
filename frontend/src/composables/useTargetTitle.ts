/** What a target is called: passes in the reader's language, formats as their makers write them. */
import { useI18n } from 'vue-i18n'

import type { Target } from '../api/types'

export function useTargetTitle(): (target: Target) => string {
  const { t, te } = useI18n()
  return (target) => {
    const known = `pass.${target.variant}`
    return target.variant && te(known) ? t(known) : target.title
  }
}
