/** Uploads with progress, which fetch() cannot report. */
import { askKey } from '../composables/useKey'
import { address, authorization } from './client'
import { ApiProblem, problemFrom } from './problem'
import type { Model } from './types'

export interface Progress {
  sent: number
  total: number
}

export type Watch = (progress: Progress) => void

/** Sends one file as it is, or several as one multipart form; returns the model they make. */
export function uploadModel(files: File[], watch: Watch, signal: AbortSignal): Promise<Model> {
  const [first] = files
  if (files.length === 1 && first) {
    const path = `models?filename=${encodeURIComponent(first.name)}`
    return put<Model>(path, first, watch, signal)
  }
  const form = new FormData()
  for (const file of files) form.append('files', file, file.name)
  return put<Model>('models', form, watch, signal)
}

/** Sends an .npz of named arrays; returns its id. */
export async function uploadInputs(file: File, signal: AbortSignal): Promise<string> {
  return (await put<{ id: string }>('inputs', file, () => undefined, signal)).id
}

async function put<T>(path: string, body: File | FormData, watch: Watch, signal: AbortSignal): Promise<T> {
  for (;;) {
    const { status, text } = await send(path, body, watch, signal)
    if (status >= 200 && status < 300) return JSON.parse(text) as T
    if (status !== 401 || !(await askKey())) throw new ApiProblem(problemFrom(status, text))
  }
}

function send(
  path: string,
  body: File | FormData,
  watch: Watch,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('PUT', address(path))
    xhr.setRequestHeader('Accept', 'application/json')
    for (const [name, value] of Object.entries(authorization())) xhr.setRequestHeader(name, value)
    if (body instanceof File) xhr.setRequestHeader('Content-Type', 'application/octet-stream')
    xhr.upload.onprogress = (event) => watch({ sent: event.loaded, total: event.total })
    xhr.onload = () => resolve({ status: xhr.status, text: xhr.responseText })
    // Status 0: refused before it was read to its end, or no network.
    xhr.onerror = () => resolve({ status: 0, text: '' })
    xhr.onabort = () => reject(new DOMException('aborted', 'AbortError'))
    if (signal.aborted) return reject(new DOMException('aborted', 'AbortError'))
    signal.addEventListener('abort', () => xhr.abort(), { once: true })
    xhr.send(body)
  })
}
