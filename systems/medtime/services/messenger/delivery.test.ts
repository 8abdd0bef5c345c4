import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { aCode, aLink, aNumber, anEvent, type MessengerStage, startMessengerStage } from '../../test/messenger-stage.ts'

let stage: MessengerStage
before(async () => {
  stage = await startMessengerStage()
})
after(() => stage.stop())

test('a push to a user reaches every device in its language, and carries nothing but fixed words and ids', async () => {
  const user = await stage.user()
  const tokens = [stage.fcm.install(), stage.fcm.install()]
  await stage.device(user, { token: tokens[0] ?? '', language: 'es' })
  await stage.device(user, { token: tokens[1] ?? '', language: 'en' })
  const [event, link] = [anEvent(), aLink()]
  assert.equal(
    await stage.enqueue({ type: 'emergency_notification', event, to: { user }, fields: { link } }),
    'enqueued',
  )
  await stage.drain()
  const got = stage.fcm.accepted.filter(({ token }) => tokens.includes(token ?? ''))
  assert.deepEqual(got.map(({ notification }) => notification?.body).sort(), [
    'Somebody in your care asks for help. Open the app.',
    'Una persona que usted cuida pide ayuda. Abra la app.',
  ])
  for (const { data, android, apns } of got) {
    assert.equal(data?.['link'], `https://medtime.app/m/${link}`)
    assert.equal(android?.notification?.tag, data?.['message_id'])
    assert.equal(apns?.headers?.['apns-collapse-id'], data?.['message_id'])
  }
  assert.equal(await stage.state(event), 'spread,accepted,accepted')
})

test('an event told again makes no second message, whoever tells it and however often', async () => {
  const user = await stage.user()
  const to = { user, phone: aNumber(), language: 'es' } as const
  const event = anEvent()
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, () => stage.enqueue({ type: 'mfa_code', event, to, fields: { code: aCode() } })),
  )
  assert.deepEqual(outcomes.sort(), ['enqueued', ...Array(7).fill('known')])
  await stage.drain()
  assert.equal(stage.twilio.accepted.filter((sms) => sms.to === to.phone).length, 1)
})

test('a message of an event that is rolled back is never there', async () => {
  const user = await stage.user()
  const event = anEvent()
  const failed = stage.api.transaction(user, async (run) => {
    const fields = { link: aLink() }
    assert.equal(await stage.enqueueIn(run, { type: 'alert_backup', event, to: { user }, fields }), 'enqueued')
    throw new Error('the event did not happen')
  })
  await assert.rejects(failed)
  assert.deepEqual(await stage.stored(event), [])
})

test('an event may concern somebody else; that there is no such person fails nothing', async () => {
  const [actor, carer] = [await stage.user(), await stage.user()]
  const number = await stage.phone(carer, aNumber(), 'en')
  const fields = { link: aLink() }
  const event = anEvent()
  const alarm = { type: 'emergency_alert', event, tier: 'pro', fields } as const
  assert.equal(await stage.enqueue({ ...alarm, to: { user: carer } }, actor), 'enqueued')
  assert.equal(await stage.enqueue({ ...alarm, to: { user: randomUUID() } }, actor), 'nobody')
  await stage.drain()
  const [sms] = stage.twilio.accepted.filter(({ to }) => to === number)
  assert.equal(
    sms?.body,
    `MedTime: ALERT. Somebody in your care asks for help. See the details: https://medtime.app/m/${fields.link}`,
  )
  assert.match(
    sms?.statusCallback ?? '',
    /^https:\/\/api\.medtime\.example\/messages\/twilio\/status\?message=[0-9a-f-]{36}$/,
  )
})
