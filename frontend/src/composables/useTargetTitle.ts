/** What a target is called: passes in the reader's language, formats as their makers write them. */
import { useI18n } from 'vue-i18n'

import type { Target } from '../api/types'

export function useTargetTitle() {
  const { t, te } = useI18n()

  function text(target: Target, part: 'title' | 'help'): string {
    const path = `pass.${target.variant}.${part}`
    return target.variant && te(path) ? t(path) : ''
  }

  return {
    title: (target: Target): string => text(target, 'title') || target.title,
    help: (target: Target): string => text(target, 'help'),
  }
}
