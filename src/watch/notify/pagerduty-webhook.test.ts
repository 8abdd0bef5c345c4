import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPagerDuty } from '../../receivers/pagerduty.ts'
import { noticeOn, pagerFor, planWith } from './pager.fixture.ts'
import { readPagerDutyWebhook } from './pagerduty-webhook.ts'

test('somebody who takes an incident in PagerDuty stops the escalation here', async (t) => {
  const pagerDuty = await startPagerDuty()
  t.after(pagerDuty.stop)
  const plan = planWith({ pagerduty: { kind: 'pagerduty', reaches: 'whoever is on call' } })
  const variables = { PAGERDUTY_URL: pagerDuty.url, PAGERDUTY_ROUTING_KEY: pagerDuty.routingKey() }
  const { pager } = pagerFor(t, { plan, variables })
  pager.accept(noticeOn('pagerduty'))
  await pager.work()
  const [incident] = pagerDuty.incidents
  assert.ok(incident)

  const { body, signature } = pagerDuty.webhook('incident.acknowledged', incident.dedupKey)
  const news = readPagerDutyWebhook(body, signature, pagerDuty.webhookSecret)
  assert.ok(typeof news === 'object')
  assert.equal(news.kind, 'acknowledged')
  assert.equal(pager.acknowledge(news.dedup, 'PagerDuty').length, 1)
  assert.equal(pager.open()[0]?.acknowledgedBy, 'PagerDuty')
  assert.deepEqual(pager.acknowledge(news.dedup, 'PagerDuty'), [], 'a repetition changes nothing')
})

test('a webhook that is not signed with the secret is not believed', async (t) => {
  const pagerDuty = await startPagerDuty()
  t.after(pagerDuty.stop)
  const { body, signature } = pagerDuty.webhook('incident.acknowledged', 'a'.repeat(64))
  const read = (text: string, header: string | undefined, secret = pagerDuty.webhookSecret) =>
    readPagerDutyWebhook(text, header, secret)
  assert.equal(read(body.replace('aaaa', 'aaab'), signature), 'forged')
  assert.equal(read(body, undefined), 'forged')
  assert.equal(read(body, ''), 'forged')
  assert.equal(read(body, signature.slice(0, -1)), 'forged')
  assert.equal(read(body, signature, 'another'), 'forged')
  assert.equal(read(body, signature, ''), 'forged')
  assert.ok(typeof read(body, `v1=${'0'.repeat(64)},${signature}`) === 'object', 'while the secret changes')
})

test('a webhook about something else is no answer', async (t) => {
  const pagerDuty = await startPagerDuty()
  t.after(pagerDuty.stop)
  const foreign = pagerDuty.webhook('incident.acknowledged', 'an incident that a person opened')
  assert.equal(readPagerDutyWebhook(foreign.body, foreign.signature, pagerDuty.webhookSecret), undefined)
})
