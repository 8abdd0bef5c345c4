import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../clock.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Trial } from '../exercise.ts'
import { recordSteps } from '../steps.ts'
import { proveByCases } from './by-cases.ts'

const guarantee: Guarantee = {
  id: 'limits/pauses/exact',
  system: 'tiny',
  kind: 'limits',
  subject: 'pauses',
  claim: 'Between two messages stands a minute',
  source: 'A-1 §1',
  requirements: [],
  target: { op: 'holds' },
  safety: 'scratch',
  freshFor: 1_000,
  path: ['limits', 'pauses'],
}

/** What is found of a limit whose trials end so. */
async function found(...runs: Trial['run'][]) {
  const trials = runs.map(
    (run, index): Trial => ({ id: `pauses/${index}`, promise: 'limits/pauses', title: `Pause ${index}`, run }),
  )
  const session = {
    clock: systemClock,
    signal: new AbortController().signal,
    steps: () => recordSteps(systemClock, () => undefined),
    exercise: { behaviours: () => [], trials: () => trials, credentials: async () => ({}) },
    scratch: { environment: async () => ({ address: () => '' }) },
  }
  for await (const finding of proveByCases([guarantee], session, ({ subject }) => `limits/${subject}`)) return finding
  throw new Error('nothing was found')
}

test('trials that find no difference hold the promise', async () => {
  const finding = await found(
    async () => [],
    async () => [],
  )
  assert.deepEqual([finding.outcome, 'measured' in finding && finding.measured], ['measured', 0])
  assert.deepEqual(
    finding.steps.map(({ name, detail }) => [name, detail]),
    [
      ['Pause 0', 'as promised'],
      ['Pause 1', 'as promised'],
    ],
  )
})

test('a difference breaks it, also where another trial could not be made', async () => {
  const finding = await found(
    async () => {
      throw new Error('the database is away')
    },
    async () => ['the second: expected waiting, found sent'],
  )
  assert.deepEqual([finding.outcome, 'measured' in finding && finding.measured], ['measured', 1])
  assert.match(finding.reason, /pauses\/1: the second: expected waiting, found sent/)
})

test('what could not be tried says nothing about the promise', async () => {
  const finding = await found(
    async () => [],
    async () => {
      throw new Error('the database is away')
    },
  )
  assert.equal(finding.outcome, 'inconclusive')
  assert.match(finding.reason, /pauses\/1 could not be tried: the database is away/)
})

test('without any case it is not judged', async () => {
  assert.equal((await found()).outcome, 'inconclusive')
})
