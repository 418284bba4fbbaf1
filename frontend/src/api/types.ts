/** The values of the REST interface that the page reads; names and meanings as in its documentation. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export type Size = number | string | null

export interface Tensor {
  name: string
  dtype: string
  /** A number, a symbolic name, or null for an unknown size; the whole is null where the rank is unknown. */
  shape: Size[] | null
  hints?: Record<string, unknown>
}

export interface Description {
  format: string
  inputs: Tensor[]
  outputs: Tensor[]
  operators: Record<string, number>
  parameters: Record<string, number>
  opsets: Record<string, number>
  producer: string
  nodes: number
  metadata: Record<string, string>
  details: Record<string, unknown>
}

export interface OptionSchema {
  name: string
  type: string
  default?: Json
  help?: string
  ge?: number | null
  le?: number | null
  choices?: Json[] | null
}

export interface Target {
  target: string
  format: string
  variant: string
  title: string
  available: boolean
  reason: string
  routes: string[][]
  converter: string
  options: OptionSchema[]
}

export interface FileEntry {
  name: string
  size: number
  sha256?: string
}

export interface Model {
  id: string
  name: string
  size: number
  sha256: string
  created_at: string
  format: { id: string; title: string }
  files: FileEntry[]
  description: Description
  targets: Target[]
}

export interface Problem {
  status?: number
  code: string
  title: string
  detail: string
  hint?: string
  step?: string
  operators?: Record<string, number>
  retry?: boolean
}

export type State = 'queued' | 'running' | 'converted' | 'failed' | 'cancelled'
export type Verdict = 'verified' | 'alike' | 'different' | 'structural' | 'unverified'

export interface Conversion {
  id: string
  model: string
  name: string
  source: string
  target: string
  state: State
  stage: string
  fraction: number
  detail: string
  verdict: Verdict | null
  reason: string
  problem: Problem | null
  artifacts: FileEntry[]
  created_at: string
  started_at: string | null
  finished_at: string | null
  attempt: number
}

export interface ConversionRequest {
  model: string
  target: string
  options: Record<string, Json>
  shapes: Record<string, number[]>
  inputs: string | null
  seed: number
  require_verified: boolean
}

export interface FormatEntry {
  id: string
  title: string
  main: string
  parts: string[]
  read: boolean
  write: boolean
  runtime: boolean
}

export interface StageEvent {
  stage: string
  fraction: number
  detail: string
}

/** Numbers are null where they were NaN, infinite or do not apply. */
export interface Comparison {
  output: string
  max_abs: number | null
  max_rel: number | null
  rmse: number | null
  cosine: number | null
  snr: number | null
  top1: number | null
  excess: number | null
  limit: number | null
  scale: number | null
  case: string
  passed: boolean
  reason: string
}

export interface Verification {
  verdict: Verdict
  reason: string
  comparisons: Comparison[]
  stress: Comparison[]
  cautions: string[]
  details: Record<string, unknown>
}

export interface Step {
  converter: string
  options: Record<string, Json>
  seconds: number
  peak_memory: number
  versions: Record<string, string>
  notes: string[]
  log: string
}

export interface Attempt {
  route: string[]
  chosen: boolean
  steps: Step[]
  error: Partial<Problem>
  verification: Verification | null
  precision: string
}

export interface PortEntry {
  source: { name: string; dtype?: string; shape?: Size[] | null }
  target: { name: string; dtype?: string; shape?: Size[] | null } | null
  axes?: number[] | null
  constant?: Json
  shape?: number[] | null
}

export interface Report {
  version: number
  modelport: string
  seconds: number
  source: {
    name: string
    format: string
    title: string
    size: number
    sha256: string
    files: FileEntry[]
    description: Description
  }
  target: { format: string; title: string; options: Record<string, Json> }
  verdict: Verdict | null
  reason: string
  restrictions: string[]
  result: {
    format: string
    main: string
    size: number
    files: FileEntry[]
    precision: string
  } | null
  io: { inputs: PortEntry[]; outputs: PortEntry[] }
  verification: Verification | null
  attempts: Attempt[]
  sandbox?: { layers?: Record<string, unknown>; degraded?: string[] }
}
