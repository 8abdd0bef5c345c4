import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AlertInstance } from '../alerts/notice.ts'
import { heartbeatName } from '../alerts/rule.ts'
import { permittedAlert } from './allow-list.ts'
import { messageOf } from './message.ts'
import { alertOf, noticeOn, pagerFor, planWith } from './pager.fixture.ts'
import { subjectOf, textOf } from './words.ts'

const plan = planWith({ pager: { kind: 'console', reaches: 'whoever is on call' } })
const seed = randomInt(2 ** 31)

test('a label passes by name and by value', () => {
  const labels = { service: 'api', patient: 'Maria Lopez', __name__: 'errors', constructor: 'x' }
  assert.deepEqual(permittedAlert(plan, alertOf({ labels })).labels, { service: 'api' })
  assert.deepEqual(permittedAlert(plan, alertOf({ labels: { service: 'Maria Lopez' } })).labels, { service: 'other' })
})

test('words, severity and runbook are those of the plan, whatever the alert says', () => {
  const { summary, severity, runbook } = permittedAlert(
    plan,
    alertOf({ summary: 'Maria Lopez waits', severity: 'low', runbook: 'Maria' }),
  )
  assert.deepEqual([summary, severity, runbook?.name], ['Requests fail', 'critical', 'RB-1'])
})

test('an alert that the plan does not name is told of without a word of its own', () => {
  for (const alert of ['Maria Lopez', 'probe:Maria', 'guarantee:Maria', '__proto__', 'constructor', 'probe:__proto__'])
    assert.deepEqual(
      { ...permittedAlert(plan, alertOf({ alert })), labels: {} },
      { alert: 'other', severity: 'critical', summary: 'An alert that the plan does not name', labels: {} },
    )
})

/** Where a text could come in: everywhere but in the numbers. */
const planted = (secret: string): fc.Arbitrary<AlertInstance> => {
  const text = fc.constantFrom(secret, `${secret}:x`, `probe:${secret}`, `guarantee:${secret}`)
  const name = fc.oneof(text, fc.constantFrom('errors_high', 'queue_long', heartbeatName))
  const labels = fc.dictionary(fc.oneof(text, fc.constant('service')), fc.oneof(text, fc.constant('api')))
  return fc.record({
    id: text,
    alert: name,
    labels,
    severity: fc.constantFrom('critical', 'low'),
    status: fc.constantFrom('firing', 'resolved'),
    startedAtMs: fc.integer({ min: 0, max: 4e12 }),
    endedAtMs: fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }),
    summary: text,
    runbook: fc.option(text, { nil: undefined }),
    value: fc.double(),
  })
}

test(`planted text comes out in no message, in no language, whichever field it was planted in (seed ${seed})`, () => {
  const cases = fc
    .string({ minLength: 6, maxLength: 20, unit: fc.constantFrom(...'QXZJKVWñ@9') })
    .chain((secret) => fc.tuple(fc.constant(secret), fc.array(planted(secret), { minLength: 1, maxLength: 4 })))
  fc.assert(
    fc.property(cases, ([secret, alerts]) => {
      const message = messageOf(plan, noticeOn('pager', alerts, `group ${secret}`))
      const said = [JSON.stringify(message), subjectOf(message, 'en'), textOf(message, 'en'), textOf(message, 'es')]
      for (const text of said) assert.ok(!text.includes(secret), text)
    }),
    { seed, numRuns: 500 },
  )
})

test('the outbox holds nothing planted either, nor does what an answer is noted with', async (t) => {
  const secret = 'maria.lopez@example.org'
  const { pager } = pagerFor(t, { plan })
  pager.accept(noticeOn('pager', [alertOf({ id: secret, summary: secret, labels: { service: secret } })], secret))
  await pager.work()
  const [open] = pager.open()
  assert.ok(open)
  pager.acknowledge(open.episode, 'on call')
  const kept = JSON.stringify([pager.told(open.episode), pager.open(), pager.inbox()])
  assert.ok(!kept.includes('maria'), kept)
  assert.match(kept, /"service":"other"/)
})
