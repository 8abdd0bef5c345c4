import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silence } from './silence.fixture.ts'
import { expired, silenceOf, silencesAbout } from './silence.ts'

const alert = { alert: 'errors', severity: 'high', labels: { route: '/pay' } } as const

test('a silence covers what all its matchers accept, from its begin up to its end', () => {
  const covered = (atMs: number, one: Parameters<typeof silenceOf>[1] = alert) =>
    silenceOf([silence], one, atMs) === silence
  assert.deepEqual(
    [9, 10, 19, 20].map((atMs) => covered(atMs)),
    [false, true, true, false],
  )
  assert.equal(covered(15, { ...alert, labels: { route: '/cart' } }), false)
  // A pattern is held against the whole name.
  assert.equal(covered(15, { ...alert, alert: 'more_errors' }), false)
})

test('one that is ended covers nothing from then on, and one that ended before stays', () => {
  assert.equal(silenceOf([expired(silence, 15)], alert, 15), undefined)
  assert.equal(silenceOf([expired(silence, 5)], alert, 12), undefined)
  assert.equal(expired(silence, 30), silence)
})

test('an alert may fall under a silence of some of its series, while that is in force', () => {
  const about = (atMs: number, name: string) => silencesAbout([silence], { alert: name, severity: 'high' }, atMs)
  assert.deepEqual(about(15, 'errors'), [silence])
  assert.deepEqual(about(20, 'errors'), [])
  assert.deepEqual(about(15, 'latency'), [])
})
