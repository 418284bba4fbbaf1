/**
 * The values of the REST interface that the page reads.
 *
 * What the OpenAPI document describes comes from schema.d.ts, which `npm run types` generates;
 * the report and the description are documents of the core and are described here.
 */
import type { components } from './schema'

type Schemas = components['schemas']

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** A number, a symbolic name, or null for an unknown size. */
export type Size = number | string | null

export interface Tensor {
  name: string
  dtype: string
  /** Null where even the rank is unknown. */
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

export type OptionSchema = Pick<Schemas['OptionSchema'], 'name' | 'type' | 'help'> & {
  default?: Json
  ge?: number | null
  le?: number | null
  choices?: Json[] | null
}

export type Target = Omit<Schemas['Target'], 'options'> & { options: OptionSchema[] }
export type Model = Omit<Schemas['Model'], 'description' | 'targets'> & {
  description: Description
  targets: Target[]
}
export type FormatEntry = Schemas['Format']
export type Conversion = Schemas['Conversion']
export type State = Conversion['state']
export type Verdict = NonNullable<Conversion['verdict']>
type Wish = Schemas['Wish']
/** What the service fills in may be left out, which the generated type does not know. */
type Defaulted = 'using' | 'retention'
export type ConversionRequest = Omit<Wish, 'options' | Defaulted> &
  Partial<Pick<Wish, Defaulted>> & { options: Record<string, Json> }
/** As a refusal of a request (with status) or as the reason of a failed conversion (without). */
export type Problem = Pick<Schemas['Problem'], 'code' | 'title' | 'detail'> &
  Partial<Schemas['Problem']>

export interface FileEntry {
  name: string
  size: number
  sha256?: string
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

/** One inner tensor, compared; a number is null where it was infinite. */
export interface Layer {
  node: number
  operator: string
  title: string
  tensor: string
  excess: number | null
  limit: number | null
  max_rel: number | null
  passed: boolean
}

/** Where a result that is different goes wrong. */
export interface Diagnosis {
  found: 'layer' | 'stretch' | 'swapped' | 'vanished' | 'step'
  step: string
  last: Layer | null
  first: Layer | null
  nodes: number
  layers: Layer[]
  remark: string
  outputs: string[]
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
  target: { format: string; variant?: string; title: string; options: Record<string, Json> }
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
  diagnosis?: Diagnosis | null
  attempts: Attempt[]
  sandbox?: { layers?: Record<string, unknown>; degraded?: string[] }
}
