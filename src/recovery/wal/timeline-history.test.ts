import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLsn } from './lsn.ts'
import { lineTo, parseHistory } from './timeline-history.ts'

/** As Postgres 18 writes it after a restore to a moment, one to the latest state, and in a zone that is not whole hours away. */
const text = `1	0/50001A8	before 2026-02-03 04:05:06.789012+00

2	0/7000060	no recovery target specified

3	0/9000028	before 2026-02-03 10:05:06.5+05:30
`

test('a history tells where each timeline was left, and from which commit on', () => {
  assert.deepEqual(parseHistory(text), [
    { timeline: 1, end: parseLsn('0/50001A8'), leftOut: Date.parse('2026-02-03T04:05:06Z') + 789.012 },
    { timeline: 2, end: parseLsn('0/7000060'), leftOut: undefined },
    { timeline: 3, end: parseLsn('0/9000028'), leftOut: Date.parse('2026-02-03T04:35:06.500Z') },
  ])
})

test('the way to a timeline has every stretch from the end of the one before, and the last has none', () => {
  assert.deepEqual(
    lineTo(4, text).map(({ timeline, start, end }) => [timeline, start, end]),
    [
      [1, 0n, parseLsn('0/50001A8')],
      [2, parseLsn('0/50001A8'), parseLsn('0/7000060')],
      [3, parseLsn('0/7000060'), parseLsn('0/9000028')],
      [4, parseLsn('0/9000028'), undefined],
    ],
  )
  assert.deepEqual(lineTo(1, undefined), [{ timeline: 1, start: 0n, end: undefined }])
})
