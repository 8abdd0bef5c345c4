import assert from 'node:assert/strict'
import { test } from 'node:test'
import { effortOf } from './prover.ts'

test('requests are a full proof from as many on as aval prove sends', () => {
  assert.equal(effortOf(2_999), 'fast')
  assert.equal(effortOf(3_000), 'full')
})
