import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeRun } from './judge-run.ts'
import { count, createTally } from './tally.ts'

/** @param answers the statuses of the answers of each operation */
function run(answers: Record<string, number[]>, breaches: { says: string; example: string; times: number }[] = []) {
  const tallies = Object.entries(answers).map(([operation, statuses]) => {
    const tally = createTally(operation)
    for (const status of statuses) count(tally, status)
    return tally
  })
  return judgeRun('api', { sent: Object.values(answers).flat().length, tallies, breaches }, 0, [], 7)
}

test('requests that left an operation out prove nothing, and say which and how many there are', () => {
  const judged = run({ 'GET /a': [200], 'GET /b': [], 'GET /c': [404], 'GET /d': [] })
  assert.equal(judged.outcome, 'inconclusive')
  assert.match(
    judged.reason,
    /2 of 4 operations .* 2 requests; never asked: GET \/b, GET \/d; never with success: GET \/c$/,
  )
  assert.match(judged.remedy, /--count: api has 4 operations/)
})

test('a breach refutes, whatever else was left out', () => {
  const judged = run({ 'GET /a': [500], 'GET /b': [] }, [{ says: 'GET /a was answered 500', example: 'x', times: 1 }])
  assert.deepEqual([judged.outcome, 'measured' in judged && judged.measured], ['measured', 1])
})

test('requests for each operation are counted, and those without success named', () => {
  const judged = run({ 'GET /a': [200, 200], 'GET /b': [404] })
  assert.deepEqual([judged.outcome, 'measured' in judged && judged.measured], ['measured', 0])
  assert.match(judged.reason, /All of 3 requests .*; never with success: GET \/b$/)
})
