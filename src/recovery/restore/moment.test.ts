import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMoment } from './moment.ts'

test('a moment is read as RFC 3339 or as Postgres prints it', () => {
  const at = Date.UTC(2026, 1, 3, 4, 5, 6)
  assert.equal(parseMoment('2026-02-03T04:05:06Z'), at)
  assert.equal(parseMoment('2026-02-03t04:05:06z'), at)
  assert.equal(parseMoment('2026-02-03 04:05:06+00'), at)
  assert.equal(parseMoment('2026-02-03T06:05:06+02:00'), at)
  assert.equal(parseMoment('2026-02-02 22:35:06-0530'), at)
  assert.equal(parseMoment('2026-02-03 04:05:06.789123+00'), at + 789)
  assert.equal(parseMoment('latest'), 'latest')
})

test('a moment without a zone is refused with the way to say it', () => {
  assert.throws(() => parseMoment('2026-02-03 04:05:06'), {
    code: 'MOMENT_WITHOUT_ZONE',
    next: /2026-02-03T04:05:06Z/,
  })
})

test('what is no moment is refused', () => {
  for (const text of ['yesterday', '2026-02-03', '12:00Z', '2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', '']) {
    assert.throws(() => parseMoment(text), { code: 'MOMENT_UNREADABLE' }, text)
  }
})
