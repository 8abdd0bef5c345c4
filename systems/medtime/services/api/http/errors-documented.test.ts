import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ApiError, apiErrors } from './api-error.ts'
import { errorAnswer } from './error-answer.ts'

const page = readFileSync(new URL('../../../../../docs/medtime/errors.md', import.meta.url), 'utf8')

/** Code and status of every row of the table that has a meaning and an advice. */
const documented = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| [^|]{10,} \| [^|]{5,} \|$/gm)].map(
  ([, code, status]) => `${code} ${status}`,
)

test('every code is documented with its status, and every documented code exists', () => {
  const known = Object.entries(apiErrors).map(([code, { status }]) => `${code} ${status}`)
  assert.deepEqual(documented.toSorted(), known.toSorted())
})

test('an error says its kind, its code and its request, and more beside these', () => {
  const answer = new ApiError('EPOCH_CHANGED', { details: { epoch: 7, cursor: 'c' } }).body('r-1')
  assert.deepEqual(answer, {
    type: '/problems/epoch-changed',
    title: 'Epoch changed',
    status: 410,
    code: 'EPOCH_CHANGED',
    detail: apiErrors.EPOCH_CHANGED.message,
    request_id: 'r-1',
    epoch: 7,
    cursor: 'c',
  })
  errorAnswer.parse(answer)
})
