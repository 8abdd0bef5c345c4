import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { ApiError } from './api-error.ts'
import { readInput } from './read-input.ts'

const schema = z.strictObject({
  ticket: z.string().min(1).max(128),
  codes: z.array(z.string().length(6)).max(3).optional(),
})

const refusal = (input: unknown): string => {
  try {
    readInput(schema, input)
    return 'taken'
  } catch (thrown) {
    return thrown instanceof ApiError ? `${thrown.code} ${thrown.message}` : 'failed'
  }
}

test('what fits is taken, and of what does not the places are named and nothing that stands there', () => {
  assert.deepEqual(readInput(schema, { ticket: 'a' }), { ticket: 'a' })
  assert.equal(refusal({ ticket: 7, codes: ['secret'] }), 'BAD_REQUEST Malformed: ticket')
  assert.equal(refusal({ ticket: 'a', codes: ['12345'] }), 'BAD_REQUEST Malformed: codes/0')
  assert.equal(refusal({ ticket: 'a', secret: 'b' }), 'BAD_REQUEST Malformed: /')
})

test('an object in the place of a text is refused, also with a length that nothing compares with', () => {
  const hostile = JSON.parse('{"length":{"toString":"f","valueOf":"f"}}')
  assert.match(refusal({ ticket: hostile }), /^BAD_REQUEST /)
  assert.match(refusal({ ticket: 'a', codes: hostile }), /^BAD_REQUEST /)
})

test('property: whatever JSON is sent is taken or refused', () => {
  const names = fc.constantFrom('ticket', 'codes', 'length', 'toString', 'valueOf', 'toJSON', '__proto__', 'a')
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', maxDepth: 4 },
      fc.constantFrom(null, true, -1, 'text', ''),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(names, tie('value'), { maxKeys: 4 }),
    ),
  }))
  fc.assert(
    fc.property(value, (input) => {
      assert.match(refusal(JSON.parse(JSON.stringify(input) ?? 'null')), /^(taken|BAD_REQUEST)/)
    }),
    { numRuns: 500 },
  )
})
