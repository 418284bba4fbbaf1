/** Where the page is, kept in the address: #model=ID, #conversion=ID, or a deep link #input=onnx&output=ncnn. */
export interface Route {
  view: 'home' | 'model' | 'conversion'
  id: string
  /** Format that the deep link promises, for a hint only: the service recognises the file itself. */
  input: string
  /** Target to be chosen beforehand. */
  output: string
}

/** Ids go into addresses, so anything but the characters of an id is dropped. */
const ID = /^[A-Za-z0-9_-]{1,100}$/
const NAME = /^[a-z0-9][a-z0-9._-]{0,60}$/

export function parse(hash: string): Route {
  const given = new URLSearchParams(hash.replace(/^#/, ''))
  const take = (name: string, form: RegExp) => {
    const value = given.get(name) ?? ''
    return form.test(value) ? value : ''
  }
  const conversion = take('conversion', ID)
  const model = take('model', ID)
  return {
    view: conversion ? 'conversion' : model ? 'model' : 'home',
    id: conversion || model,
    input: take('input', NAME),
    output: take('output', NAME),
  }
}

export function link(params: Record<string, string>): string {
  const given = Object.entries(params).filter(([, value]) => value !== '')
  return `#${new URLSearchParams(given)}`
}
