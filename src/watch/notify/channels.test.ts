import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSlack } from '../../receivers/slack.ts'
import { startSmtp } from '../../receivers/smtp.ts'
import { startTwilio } from '../../receivers/twilio.ts'
import { startWebhook } from '../../receivers/webhook.ts'
import { alertOf, movedClock, noticeOn, pagerFor, planWith, startMs } from './pager.fixture.ts'
import { webhookIsSigned, webhookSignature } from './webhook.ts'

test('SMS says in one short line what has happened, in the language of the channel', async (t) => {
  const twilio = await startTwilio()
  t.after(twilio.stop)
  const plan = planWith({ sms: { kind: 'sms', reaches: 'guardia', language: 'es' } })
  const variables = {
    SMS_URL: twilio.origin,
    SMS_ACCOUNT: twilio.account,
    SMS_PASSWORD: twilio.password,
    SMS_FROM: twilio.from,
    SMS_TO: '+5215512345678',
  }
  const { pager } = pagerFor(t, { plan, variables })
  pager.accept(noticeOn('sms', [alertOf(), alertOf({ id: 'second' })]))
  await pager.work()
  assert.deepEqual(twilio.taken, [
    { to: '+5215512345678', body: '[ACTIVA] crítica · shop: errors_high: Requests fail (y 1 más)' },
  ])
})

test('a number that Twilio refuses is told by its code, and what it refuses waits', async (t) => {
  const twilio = await startTwilio()
  t.after(twilio.stop)
  const plan = planWith({ sms: { kind: 'sms', reaches: 'guardia' } })
  const variables = {
    SMS_URL: twilio.origin,
    SMS_ACCOUNT: twilio.account,
    SMS_PASSWORD: twilio.password,
    SMS_FROM: '+15005550009',
    SMS_TO: '+5215512345678',
  }
  const { pager } = pagerFor(t, { plan, variables })
  pager.accept(noticeOn('sms'))
  await pager.work()
  assert.deepEqual(
    pager.waiting().map(({ reason }) => reason),
    ['status 400, code 21606'],
  )
})

test('mail carries one Message-ID at every attempt and belongs to the thread of its group', async (t) => {
  const smtp = await startSmtp()
  t.after(smtp.stop)
  const plan = planWith({ email: { kind: 'email', reaches: 'the team' } })
  const variables = { EMAIL_SMTP: smtp.url, EMAIL_FROM: 'aval@shop.example', EMAIL_TO: 'team@shop.example' }
  const { pager, clock } = pagerFor(t, { plan, variables, timeoutMs: 2_000 })
  pager.accept(noticeOn('email'))
  smtp.fail(451, 'lose-answer')
  for (let attempt = 0; attempt < 3; attempt++) {
    await pager.work()
    clock.move(1_000_000)
  }
  assert.deepEqual(pager.waiting(), [])
  assert.equal(smtp.mails.length, 2, 'the answer to the first that was taken is lost')
  const header = (name: string) =>
    smtp.mails.map(({ source }) => new RegExp(`^${name}:\\s*(\\S.*)$`, 'im').exec(source)?.[1]?.trim())
  const [id, again] = header('Message-ID')
  assert.ok(id)
  assert.equal(id, again)
  assert.match(header('References')[0] ?? '', /^<[0-9a-f]{64}@shop\.example>$/)
  assert.deepEqual(header('Auto-Submitted')[0], 'auto-generated')
  assert.deepEqual(smtp.mails[0]?.to, ['team@shop.example'])
})

test('a mail server that refuses the password is tried again later, and the mail waits', async (t) => {
  const smtp = await startSmtp()
  t.after(smtp.stop)
  const plan = planWith({ email: { kind: 'email', reaches: 'the team' } })
  const variables = {
    EMAIL_SMTP: smtp.url.replace('pass', 'other'),
    EMAIL_FROM: 'aval@shop.example',
    EMAIL_TO: 'team@shop.example',
  }
  const { pager } = pagerFor(t, { plan, variables, timeoutMs: 2_000 })
  pager.accept(noticeOn('email'))
  await pager.work()
  assert.deepEqual(
    pager.waiting().map(({ reason }) => reason),
    ['status 535'],
  )
})

test('a webhook is signed with its time, and its key tells a repetition', async (t) => {
  const clock = movedClock()
  const webhook = await startWebhook(clock.now)
  t.after(webhook.stop)
  const plan = planWith({ hook: { kind: 'webhook', reaches: 'a desk' } })
  const { pager } = pagerFor(t, { plan, clock, variables: { HOOK_URL: webhook.url, HOOK_SECRET: webhook.secret } })
  pager.accept(noticeOn('hook'))
  webhook.fail('lose-answer')
  await pager.work()
  assert.deepEqual(
    pager.waiting().map(({ unsure, attempts }) => [unsure, attempts]),
    [[true, 1]],
  )
  clock.move(60_000)
  await pager.work()
  assert.equal(webhook.requests, 2)
  assert.equal(webhook.messages.size, 1)
})

test('a signature fits one body, one secret and five minutes', () => {
  const signature = webhookSignature('secret', '{}', startMs)
  assert.ok(webhookIsSigned('secret', '{}', signature, startMs + 300_000 - (startMs % 1_000)))
  assert.ok(!webhookIsSigned('secret', '{}', signature, startMs + 301_000))
  assert.ok(!webhookIsSigned('secret', '{ }', signature, startMs))
  assert.ok(!webhookIsSigned('other', '{}', signature, startMs))
  assert.ok(!webhookIsSigned('secret', '{}', 't=1,v1=', startMs))
})

test('what another system tells is handed over and not sent', async (t) => {
  const plan = planWith({ cloud: { kind: 'monitor', reaches: 'the operators' } })
  const { pager } = pagerFor(t, { plan })
  pager.accept(noticeOn('cloud'))
  assert.deepEqual(await pager.work(), { delivered: 0, waiting: 0, nextDueMs: undefined })
  const [open] = pager.open()
  assert.deepEqual(
    pager.told(open?.episode ?? '').map(({ state }) => state),
    ['handed-over'],
  )
})

test('an address may lie in a file, and one that is put there later is found', async (t) => {
  const slack = await startSlack()
  t.after(slack.stop)
  const folder = mkdtempSync(join(tmpdir(), 'aval-secret-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'slack')
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team', settings: { url: 'OPS_HOOK' } } })
  const { pager, clock } = pagerFor(t, { plan, variables: { OPS_HOOK_FILE: file } })
  pager.accept(noticeOn('slack'))
  await pager.work()
  assert.equal(pager.waiting()[0]?.reason, 'not set: OPS_HOOK')
  writeFileSync(file, `${slack.url}\n`)
  clock.move(1_000_000)
  assert.equal((await pager.work()).delivered, 1)
})

test('a setting that no such channel has is refused by name', (t) => {
  const plan = planWith({ slack: { kind: 'slack', reaches: 'the team', settings: { adress: 'X' } } })
  assert.throws(() => pagerFor(t, { plan }), { code: 'NOTIFY_SETTING' })
})
