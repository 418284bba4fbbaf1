/** A refusal of the service as a value that can be thrown. */
import type { Problem } from './types'

export class ApiProblem extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail)
    this.name = 'ApiProblem'
  }
}

/** Returns the problem document in `text`, or one of our own where it is none (a proxy's page, say). */
export function problemFrom(status: number, text: string): Problem {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null
    if (value && typeof value === 'object' && typeof value.title === 'string') {
      return {
        ...value,
        status,
        code: value.code ?? `http-${status}`,
        title: value.title,
        detail: typeof value.detail === 'string' ? value.detail : '',
      }
    }
  } catch {
    // No JSON: the text is someone else's page and tells the user nothing.
  }
  return { status, code: status === 0 ? 'unreachable' : `http-${status}`, title: '', detail: '' }
}

/** Returns what is to be shown for anything that was thrown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiProblem) return error.problem
  if (error instanceof TypeError) return { code: 'unreachable', title: '', detail: '', retry: true }
  return { code: 'page-bug', title: '', detail: String(error) }
}
