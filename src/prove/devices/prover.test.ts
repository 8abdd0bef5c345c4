import assert from 'node:assert/strict'
import { test } from 'node:test'
import { effortOf } from './prover.ts'

test('a day is a full proof only with all the devices and all the hours that the plan promises', () => {
  const promised = { count: 200, over: 24 * 3_600_000 }
  assert.equal(effortOf({ devices: 200, hours: 24 }, promised), 'full')
  assert.equal(effortOf({ devices: 500, hours: 48 }, promised), 'full')
  assert.equal(effortOf({ devices: 199, hours: 24 }, promised), 'fast')
  assert.equal(effortOf({ devices: 200, hours: 23 }, promised), 'fast')
})
