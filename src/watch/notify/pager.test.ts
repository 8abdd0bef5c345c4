import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPagerDuty } from '../../receivers/pagerduty.ts'
import { startSlack } from '../../receivers/slack.ts'
import { alertOf, noticeOn, pagerFor, planWith, resolved } from './pager.fixture.ts'

test('a notice reaches Slack, and its end does', async (t) => {
  const slack = await startSlack()
  t.after(slack.stop)
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team' } })
  const { pager, clock } = pagerFor(t, { plan, variables: { SLACK_URL: slack.url } })

  pager.accept(noticeOn('slack'))
  assert.equal((await pager.work()).delivered, 1)
  clock.move(60_000)
  pager.accept(noticeOn('slack', [resolved()]))
  assert.equal((await pager.work()).delivered, 1)

  assert.deepEqual(slack.shown, [
    [
      '[FIRING] critical · shop: errors_high: Requests fail',
      '- errors_high: Requests fail · service=api · value 0.0731 · since 2026-02-03T04:04:06.000Z · runbook RB-1: Errors (runbooks/RB-1.md)',
    ].join('\n'),
    [
      '[RESOLVED] critical · shop: errors_high: Requests fail',
      '- errors_high: Requests fail · service=api · value 0.0731 · since 2026-02-03T04:04:06.000Z · ended 2026-02-03T04:06:06.000Z · runbook RB-1: Errors (runbooks/RB-1.md)',
    ].join('\n'),
  ])
})

test('PagerDuty opens one incident, shows who answers, and closes it', async (t) => {
  const pagerDuty = await startPagerDuty()
  t.after(pagerDuty.stop)
  const plan = planWith({ pagerduty: { kind: 'pagerduty', reaches: 'whoever is on call' } })
  const variables = { PAGERDUTY_URL: pagerDuty.url, PAGERDUTY_ROUTING_KEY: pagerDuty.routingKey() }
  const { pager, clock } = pagerFor(t, { plan, variables })
  const status = () => pagerDuty.incidents.map((incident) => incident.status)

  pager.accept(noticeOn('pagerduty'))
  await pager.work()
  assert.deepEqual(status(), ['triggered'])
  const [open] = pager.open()
  assert.ok(open)
  assert.deepEqual(pager.acknowledge(open.episode, 'on call'), [open.episode])
  await pager.work()
  assert.deepEqual(status(), ['acknowledged'])
  clock.move(1_000)
  pager.accept(noticeOn('pagerduty', [alertOf({ value: 0.2 })]))
  await pager.work()
  assert.deepEqual(status(), ['acknowledged'], 'the same firing is no news')
  pager.accept(noticeOn('pagerduty', [resolved()]))
  await pager.work()
  assert.deepEqual(status(), ['resolved'])
  assert.equal(pagerDuty.incidents[0]?.triggers, 1)
  assert.deepEqual(pager.open(), [])
})

test('whoever calls again when told to does not turn round for what waits behind a message that failed', async (t) => {
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team' } })
  const { pager, clock } = pagerFor(t, { plan, variables: {} })
  pager.accept(noticeOn('slack'))
  await pager.work()
  clock.move(1_000)
  pager.accept(noticeOn('slack', [resolved()]))
  const { waiting, nextDueMs } = await pager.work()
  assert.ok(waiting >= 1)
  assert.ok(nextDueMs !== undefined && nextDueMs > clock.now(), `${nextDueMs} is after ${clock.now()}`)
})
