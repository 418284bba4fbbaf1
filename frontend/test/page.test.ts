/** What the page does without a browser: addresses, figures, shapes, problem documents. */
import { describe, expect, test } from 'vitest'

import { link, parse } from '../src/address'
import { problemFrom } from '../src/api/problem'
import { bytes, cosine, figure, percent, seconds, shape, short } from '../src/format'
import { advanced, appended, stageOf, subjectOf } from '../src/progress'
import { blank, filled } from '../src/shapes'

describe('address', () => {
  test.each([
    ['', 'home', '', '', ''],
    ['#input=onnx&output=ncnn', 'home', '', 'onnx', 'ncnn'],
    ['#model=a1b2&output=onnx.fp16', 'model', 'a1b2', '', 'onnx.fp16'],
    ['#conversion=0f-1_2', 'conversion', '0f-1_2', '', ''],
    ['#conversion=../models', 'home', '', '', ''],
    ['#output=<script>', 'home', '', '', ''],
  ])('%s leads to %s', (hash, view, id, input, output) => {
    expect(parse(hash)).toEqual({ view, id, input, output })
  })

  test('a link leaves out what is empty and reads back', () => {
    expect(link({ model: 'a1', output: '' })).toBe('#model=a1')
  })
})

describe('figures', () => {
  test.each([
    [null, '–'],
    [0, '0'],
    [3.4e-7, '3.40e-7'],
    [0.0123456, '0.0123'],
    [1.5e12, '1.50e+12'],
  ])('figure(%s) is %s', (value, want) => expect(figure(value)).toBe(want))

  test.each([
    [1, '1.000000'],
    [0.99999, '0.999990'],
    [-0.5, '-0.500000'],
    [null, '–'],
  ])('cosine(%s) is %s', (value, want) => expect(cosine(value)).toBe(want))

  test.each([
    [999, '999 B'],
    [4_950_000, '4.95 MB'],
    [2_500_000_000, '2.5 GB'],
  ])('bytes(%s) is %s', (value, want) => expect(bytes(value, 'en')).toBe(want))

  test('counts, shares and times are short', () => {
    expect([short(1_235_496), percent(0.5), percent(0.99999), seconds(1.834), seconds(125)]).toEqual([
      '1.24 M',
      '50 %',
      '100 %',
      '1.8 s',
      '2 min 5 s',
    ])
  })

  test.each([
    [[1, 'H', null], '1 × H × ?'],
    [[], 'scalar'],
    [null, '?'],
  ])('shape(%j) is %s', (sizes, want) => expect(shape(sizes, 'scalar')).toBe(want))
})

describe('open shapes', () => {
  const inputs = [
    { name: 'fixed', dtype: 'float32', shape: [1, 3] },
    { name: 'open', dtype: 'float32', shape: ['N', 3, null] },
    { name: 'unknown', dtype: 'float32', shape: null },
  ]

  test('fixed inputs are not asked for', () => {
    expect(blank(inputs)).toEqual({ open: ['', '3', ''], unknown: [''] })
  })

  test.each([
    ['nothing filled', ['', '3', ''], '', {}, []],
    ['all filled', ['2', '3', '8'], '1, 3,5', { open: [2, 3, 8], unknown: [1, 3, 5] }, []],
    ['a part filled', ['2', '3', ''], '', {}, ['open']],
    ['no number', ['0', '3', '8'], '1,a,2', {}, ['open', 'unknown']],
  ])('%s', (_case, open, unknown, shapes, wrong) => {
    expect(filled(inputs, { open, unknown: [unknown] })).toEqual({ shapes, wrong })
  })
})

describe('problems', () => {
  test('a problem document is kept', () => {
    const text = JSON.stringify({ code: 'no-route', title: 'No route', detail: 'x', hint: 'y' })
    expect(problemFrom(422, text)).toMatchObject({ status: 422, code: 'no-route', hint: 'y' })
  })

  test.each([
    [502, '<html>Bad gateway</html>', 'http-502'],
    [0, '', 'unreachable'],
    [500, 'null', 'http-500'],
    [422, '{"detail": [{"msg": "field required"}]}', 'http-422'],
  ])('status %s with %s is %s', (status, text, code) => {
    expect(problemFrom(status, text).code).toBe(code)
  })
})

describe('progress', () => {
  const at = (stage: string, detail = '') => ({ stage, fraction: 0, detail })

  test('the bar never moves back, and ends where the last stage ends', () => {
    const stages = ['receive', 'reference', 'reference', 'verify', 'convert', 'polish', 'report']
    const way = stages.reduce<number[]>((seen, stage) => [...seen, advanced(seen.at(-1) ?? 0, at(stage))], [])
    expect(way).toEqual([...way].sort((a, b) => a - b))
    expect(way.at(-1)).toBeGreaterThan(0.96)
    expect(way.at(-1)).toBeLessThan(1)
  })

  test.each([
    [at('onnx-to-ncnn.pnnx', 'check'), 'convert', 'onnx-to-ncnn.pnnx · check'],
    [at('onnx-to-ncnn.pnnx', 'convert'), 'convert', 'onnx-to-ncnn.pnnx'],
    [at('verify', 'run'), 'verify', ''],
    [at('inspect', 'a.onnx'), 'inspect', 'a.onnx'],
  ])('%j is told as %s %s', (event, stage, subject) => {
    expect([stageOf(event), subjectOf(event)]).toEqual([stage, subject])
  })

  test('what reads the same is listed once', () => {
    const events = [at('reference'), at('reference', 'run'), at('verify', 'a'), at('verify', 'b')]
    expect(events.reduce(appended, [] as typeof events).map(subjectOf)).toEqual(['', 'a', 'b'])
  })
})
