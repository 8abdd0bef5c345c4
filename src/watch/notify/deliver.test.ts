import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../random.ts'
import { startPagerDuty } from '../../receivers/pagerduty.ts'
import { startSlack } from '../../receivers/slack.ts'
import { backoffMs } from './backoff.ts'
import { alertOf, noticeOn, pagerFor, planWith, resolved, startMs } from './pager.fixture.ts'
import { parseRetryAfter } from './post.ts'

const later = 1_000_000
/** Of `incidents.routing`, where the plan does not say. */
const repeatInterval = 14_400_000

for (const [name, fault, unsure] of [
  ['answers 500', { status: 500 }, true],
  ['answers 503', { status: 503 }, true],
  ['resets the connection', 'reset', true],
  ['never answers', 'hang', true],
  ['takes it and loses its answer', 'lose-answer', true],
  ['answers with a page of something on the way', { status: 200, body: '<html>' }, true],
  ['answers 202 about another incident', { status: 202, body: '{"status":"success","dedup_key":"x"}' }, true],
] as const)
  test(`a provider that ${name} is tried again, and one incident comes of it`, async (t) => {
    const pagerDuty = await startPagerDuty()
    t.after(pagerDuty.stop)
    const plan = planWith({ pagerduty: { kind: 'pagerduty', reaches: 'whoever is on call' } })
    const variables = { PAGERDUTY_URL: pagerDuty.url, PAGERDUTY_ROUTING_KEY: pagerDuty.routingKey() }
    const { pager, clock } = pagerFor(t, { plan, variables, timeoutMs: 150 })
    pagerDuty.fail(fault)
    pager.accept(noticeOn('pagerduty'))
    assert.equal((await pager.work()).delivered, 0)
    const [waits] = pager.waiting()
    assert.deepEqual([waits?.attempts, waits?.unsure], [1, unsure])
    assert.equal((await pager.work()).delivered, 0, 'not before its time')
    clock.move(later)
    assert.equal((await pager.work()).delivered, 1)
    assert.equal(pagerDuty.incidents.length, 1)
    assert.deepEqual(pager.waiting(), [])
  })

test('a provider that asks to wait is left alone for as long', async (t) => {
  const slack = await startSlack()
  t.after(slack.stop)
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team' } })
  const { pager, clock } = pagerFor(t, { plan, variables: { SLACK_URL: slack.url } })
  slack.fail({ status: 429, headers: { 'retry-after': '90' }, body: 'rate_limited' })
  pager.accept(noticeOn('slack'))
  const { nextDueMs } = await pager.work()
  assert.equal(nextDueMs, startMs + 90_000)
  clock.move(89_999)
  assert.equal((await pager.work()).delivered, 0)
  assert.deepEqual(slack.answers, [429])
  clock.move(1)
  assert.equal((await pager.work()).delivered, 1)
})

test('Retry-After is seconds or a date, and at most an hour', () => {
  assert.equal(parseRetryAfter('5', startMs), 5_000)
  assert.equal(parseRetryAfter(new Date(startMs + 7_000).toUTCString(), startMs), 7_000 - (startMs % 1_000))
  assert.equal(parseRetryAfter('999999', startMs), 3_600_000)
  assert.equal(parseRetryAfter('Mon, 01 Jan 2001 00:00:00 GMT', startMs), 0)
  assert.equal(parseRetryAfter('soon', startMs), undefined)
  assert.equal(parseRetryAfter(null, startMs), undefined)
})

test('waits grow to 15 minutes, and the same seed makes the same', () => {
  const waits = (seed: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: 14 }, (_, failures) => backoffMs(failures + 1, random))
  }
  assert.deepEqual(waits(7), waits(7))
  assert.notDeepEqual(waits(7), waits(8))
  for (const [index, wait] of waits(7).entries()) {
    const whole = Math.min(2_000 * 2 ** index, 900_000)
    assert.ok(wait > whole / 2 - 1 && wait <= whole, `${wait} of ${whole}`)
  }
})

test('a channel that is down is stood in for, and is told all the same when it is back', async (t) => {
  const slack = await startSlack()
  t.after(slack.stop)
  const plan = planWith({
    slack: { kind: 'slack', reaches: 'the team', otherwise: ['desk'] },
    desk: { kind: 'console', reaches: 'the desk' },
  })
  const { pager, clock } = pagerFor(t, { plan, variables: { SLACK_URL: slack.url } })
  slack.failAlways({ status: 500 })
  pager.accept(noticeOn('slack'))
  for (let attempt = 0; attempt < 5; attempt++) {
    await pager.work()
    clock.move(later)
  }
  assert.equal(pager.inbox().length, 1)
  assert.match(pager.inbox()[0]?.text ?? '', /The channel slack can not be reached\./)
  assert.equal(pager.waiting().length, 1)
  slack.failAlways(undefined)
  await pager.work()
  assert.equal(slack.shown.length, 1)
  pager.accept(noticeOn('slack', [resolved()]))
  clock.move(later)
  await pager.work()
  assert.deepEqual(
    pager.inbox().map(({ message }) => message.status),
    ['resolved', 'firing'],
    'whoever stood in hears of the end',
  )
})

test('what is refused is stood in for at once and is not given up', async (t) => {
  const plan = planWith({
    slack: { kind: 'slack', reaches: 'the team', otherwise: ['desk'] },
    desk: { kind: 'console', reaches: 'the desk' },
  })
  const slack = await startSlack()
  t.after(slack.stop)
  const { pager, clock } = pagerFor(t, { plan, variables: { SLACK_URL: `${slack.url}x` } })
  pager.accept(noticeOn('slack'))
  await pager.work()
  await pager.work()
  assert.equal(pager.inbox().length, 1)
  clock.move(later)
  await pager.work()
  assert.deepEqual(slack.answers, [404, 404])
  assert.equal(pager.waiting().length, 1)
})

test('of a group the order is kept: its end does not arrive before it, and neither is lost', async (t) => {
  const slack = await startSlack()
  t.after(slack.stop)
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team' } })
  const { pager, clock } = pagerFor(t, { plan, variables: { SLACK_URL: slack.url } })
  slack.fail({ status: 500 })
  pager.accept(noticeOn('slack'))
  await pager.work()
  pager.accept(noticeOn('slack', [resolved()]))
  await pager.work()
  assert.equal(slack.shown.length, 0)
  for (let turn = 0; turn < 3; turn++) {
    clock.move(later)
    await pager.work()
  }
  assert.deepEqual(
    slack.shown.map((text) => text.split(' ')[0]),
    ['[FIRING]', '[RESOLVED]'],
  )
})

test('a later alert of a group takes the place of one that waits', async (t) => {
  const slack = await startSlack()
  t.after(slack.stop)
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team' } })
  const { pager } = pagerFor(t, { plan, variables: { SLACK_URL: slack.url } })
  pager.accept(noticeOn('slack'))
  pager.accept(noticeOn('slack', [alertOf(), alertOf({ id: 'second' })]))
  await pager.work()
  assert.deepEqual(slack.shown.length, 1)
  assert.match(slack.shown[0] ?? '', /and 1 more/)
})

test('no more is sent than the channel takes, and the rest follows', async (t) => {
  const slack = await startSlack()
  t.after(slack.stop)
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team', limit: { messages: 3, per: '1m' } } })
  const { pager, clock } = pagerFor(t, { plan, variables: { SLACK_URL: slack.url } })
  for (let group = 0; group < 7; group++)
    pager.accept(noticeOn('slack', [alertOf({ id: `alert ${group}` })], `group ${group}`))
  const shown: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    await pager.work()
    await pager.work()
    shown.push(slack.shown.length)
    clock.move(60_000)
  }
  assert.deepEqual(shown, [3, 6, 7])
})

test('the same notice handed in again and again is one message, until it is time to repeat it', async (t) => {
  const slack = await startSlack()
  t.after(slack.stop)
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team' } })
  const { pager, clock, reopen } = pagerFor(t, { plan, variables: { SLACK_URL: slack.url } })
  pager.accept(noticeOn('slack'))
  await pager.work()
  const again = reopen()
  clock.move(repeatInterval / 2 - 1)
  again.accept(noticeOn('slack', [alertOf({ value: 0.9 })]))
  await again.work()
  assert.equal(slack.shown.length, 1)
  clock.move(1)
  again.accept(noticeOn('slack'))
  await again.work()
  assert.equal(slack.shown.length, 2)
})

test('a notice for a channel that the plan does not have is refused', (t) => {
  const { pager } = pagerFor(t, { plan: planWith({ desk: { kind: 'console', reaches: 'the desk' } }) })
  assert.throws(() => pager.accept(noticeOn('dsk')), { code: 'NOTICE_CHANNEL' })
})

test('no secret is in what is kept of a failure', async (t) => {
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team' }, sms: { kind: 'sms', reaches: 'on call' } })
  const variables = {
    SLACK_URL: 'http://127.0.0.1:1/services/T0/B0/very-secret',
    SMS_URL: 'http://127.0.0.1:1',
    SMS_ACCOUNT: 'AC-very-secret',
    SMS_PASSWORD: 'very-secret',
    SMS_FROM: '+15005550006',
    SMS_TO: '+5215512345678',
  }
  const { pager } = pagerFor(t, { plan, variables })
  pager.accept(noticeOn('slack'))
  pager.accept(noticeOn('sms'))
  await pager.work()
  assert.equal(pager.waiting().length, 2)
  const kept = JSON.stringify(pager.waiting())
  assert.ok(!/very-secret|521551/.test(kept), kept)
})

test('a provider that never answers holds up one message at a time, so that nobody else waits for it', async (t) => {
  const pagerDuty = await startPagerDuty()
  t.after(pagerDuty.stop)
  const plan = planWith({
    pagerduty: { kind: 'pagerduty', reaches: 'whoever is on call' },
    desk: { kind: 'console', reaches: 'the desk' },
  })
  const variables = { PAGERDUTY_URL: pagerDuty.url, PAGERDUTY_ROUTING_KEY: pagerDuty.routingKey() }
  const { pager } = pagerFor(t, { plan, variables, timeoutMs: 100 })
  pagerDuty.failAlways('hang')
  for (let group = 0; group < 5; group++) pager.accept(noticeOn('pagerduty', [alertOf({ id: `${group}` })], `${group}`))
  pager.accept(noticeOn('desk'))
  assert.equal((await pager.work()).delivered, 1)
  assert.equal(pagerDuty.answers.length, 1)
  assert.equal(pager.waiting().length, 5)
})
