import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { shareOut } from './connections.ts'

test('every kind of work has a connection, and together they are as many as there may be', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 200 }), (all) => {
      const shares = Object.values(shareOut(all))
      assert.ok(shares.every((share) => share >= 1))
      assert.equal(
        shares.reduce((sum, share) => sum + share, 0),
        all,
      )
    }),
  )
})

test('of the fifteen of the plan five read pages', () => {
  assert.deepEqual(shareOut(15), { counting: 1, reading: 5, others: 9 })
})
