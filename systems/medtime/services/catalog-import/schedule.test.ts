import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dueAt, dueSources, schedule } from './schedule.ts'

const at = (text: string) => new Date(`${text}T06:00:00Z`)

test('RxNorm is due every week, COFEPRIS and EMA every month', () => {
  assert.deepEqual([schedule.rxnorm, schedule.cofepris, schedule.ema], ['every week', 'every month', 'every month'])
  assert.deepEqual(dueAt('rxnorm', at('2026-02-25')), at('2026-03-04'))
  assert.deepEqual(dueAt('ema', at('2026-12-15')), at('2027-01-15'))
  assert.deepEqual(dueAt('cofepris', at('2026-01-31')), at('2026-02-28'), 'a shorter month')
  assert.deepEqual(dueAt('cofepris', at('2028-01-31')), at('2028-02-29'))
})

test('what was never taken in is due, and what was missed is due until it is done', () => {
  assert.equal(dueSources(new Map(), at('2026-01-01')).length, 7)
  const done = new Map(Object.keys(schedule).map((source) => [source, at('2026-01-01')]))
  assert.deepEqual(dueSources(done, at('2026-01-01')), [])
  assert.deepEqual(dueSources(done, at('2026-01-08')), ['starter', 'rxnorm', 'drugs-at-fda'])
  assert.equal(dueSources(done, at('2027-01-01')).length, 7)
})
