/** Calls of the REST interface, one function a route. */
import { askKey, key } from '../composables/useKey'
import { ApiProblem, problemFrom } from './problem'
import type { Conversion, ConversionRequest, FormatEntry, Model, Report } from './types'

/** Returns the address of `path`, below whatever path the page itself is served from. */
export function address(path: string): string {
  return new URL(`v1/${path}`, document.baseURI).href
}

export function authorization(): Record<string, string> {
  return key.value ? { Authorization: `Bearer ${key.value}` } : {}
}

/** Fetches `path`; a 401 asks for the key and tries again. Throws ApiProblem on a refusal. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const headers = { Accept: 'application/json', ...init.headers, ...authorization() }
    const response = await fetch(address(path), { ...init, headers })
    if (response.ok) return response
    const problem = problemFrom(response.status, await response.text())
    if (response.status !== 401 || !(await askKey())) throw new ApiProblem(problem)
  }
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await request(path, init)).json()) as T
}

function part(id: string): string {
  return encodeURIComponent(id)
}

export async function formats(): Promise<FormatEntry[]> {
  return (await json<{ formats: FormatEntry[] }>('formats')).formats
}

export function model(id: string): Promise<Model> {
  return json(`models/${part(id)}`)
}

export function conversion(id: string): Promise<Conversion> {
  return json(`conversions/${part(id)}`)
}

export function convert(body: ConversionRequest): Promise<Conversion> {
  return json('conversions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Returns the report, or null where a conversion ended before there was one. */
export async function report(id: string): Promise<Report | null> {
  try {
    return await json<Report>(`conversions/${part(id)}/report`)
  } catch (error) {
    if (error instanceof ApiProblem && error.problem.status === 404) return null
    throw error
  }
}

export async function log(id: string): Promise<string> {
  const response = await request(`conversions/${part(id)}/log`, { headers: { Accept: 'text/plain' } })
  return response.text()
}

export async function cancel(id: string): Promise<void> {
  await request(`conversions/${part(id)}`, { method: 'DELETE' })
}

/** Addresses of what a finished conversion offers. */
export const files = {
  artifact: (id: string, name: string) => `conversions/${part(id)}/artifacts/${part(name)}`,
  bundle: (id: string) => `conversions/${part(id)}/bundle.zip`,
  reportJson: (id: string) => `conversions/${part(id)}/report`,
  reportHtml: (id: string) => `conversions/${part(id)}/report.html`,
}
