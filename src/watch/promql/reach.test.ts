import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileQuery, isCompiled } from './compile.ts'
import { lookbackOf, reachOf, type SelectorReach } from './reach.ts'

const minuteMs = 60_000

function reach(text: string): SelectorReach[] {
  const query = compileQuery(text)
  assert.ok(isCompiled(query), text)
  return reachOf(query)
}

function lookback(text: string): number {
  const query = compileQuery(text)
  assert.ok(isCompiled(query), text)
  return lookbackOf(query)
}

test('every selector is told with its matchers and its window', () => {
  assert.deepEqual(reach('rate(a{x=~"y"}[10m]) / sum({z="1"} offset 1m)'), [
    {
      metric: 'a',
      matchers: [
        { label: '__name__', op: '=', value: 'a' },
        { label: 'x', op: '=~', value: 'y' },
      ],
      rangeMs: 10 * minuteMs,
      oldestMs: 10 * minuteMs,
      youngestMs: 0,
      at: undefined,
    },
    {
      metric: undefined,
      matchers: [{ label: 'z', op: '=', value: '1' }],
      rangeMs: undefined,
      oldestMs: 6 * minuteMs,
      youngestMs: minuteMs,
      at: undefined,
    },
  ])
})

test('subqueries around a selector reach further back', () => {
  assert.equal(lookback('max_over_time(rate(a[5m])[1h:1m] offset 10m)'), 75 * minuteMs)
  assert.equal(lookback('a'), 5 * minuteMs)
  assert.equal(lookback('time()'), 0)
})

test('a moment that is fixed reaches back from itself alone', () => {
  assert.deepEqual(
    reach('max_over_time((a @ 60 offset 1m)[1h:])').map(({ at, oldestMs, youngestMs }) => [at, oldestMs, youngestMs]),
    [[60_000, 6 * minuteMs, minuteMs]],
  )
  assert.equal(lookback('a @ 60'), 0)
})
