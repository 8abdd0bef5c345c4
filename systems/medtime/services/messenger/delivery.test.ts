import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { aCode, aLink, aNumber, anEvent, type MessengerStage, startMessengerStage } from '../../test/messenger-stage.ts'
import { type PhoneNumber, phoneNumber } from '../api/messages/phone-number.ts'
import { codeSender } from '../api/messages/send-code.ts'
import { deliverNext } from './deliver.ts'
import { type Limit, limits } from './limits.ts'

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

test('the API cannot read what it wrote, and the messenger nothing but messages', async () => {
  const user = await stage.user()
  const event = anEvent()
  await stage.device(user)
  await stage.enqueue({ type: 'alert_backup', event, to: { user }, fields: { link: aLink() } })
  const as = (role: string, query: string) =>
    stage.sql(`SET ROLE ${role}; SELECT set_config('request.jwt.claims', '{"sub":"${user}"}', false); ${query}`)
  for (const query of [
    'SELECT content FROM srv_messages',
    'SELECT sealed_token FROM srv_message_devices',
    'SELECT sealed_number FROM srv_message_phones',
    'SELECT * FROM srv_message_receipts',
    'SELECT * FROM srv_message_wishes',
    'SELECT * FROM srv_message_sends',
    'UPDATE srv_messages SET state = state',
    'DELETE FROM srv_messages',
    'DELETE FROM srv_message_receipts',
    'UPDATE srv_message_wishes SET wish = wish',
  ]) {
    await assert.rejects(as('medtime_api', query), { code: '42501' }, query)
  }
  for (const query of [
    'SELECT * FROM srv_encrypted_entities',
    'SELECT * FROM srv_users',
    'SELECT * FROM srv_sync_status',
    'SELECT * FROM srv_cursor_key',
    'SELECT * FROM srv_message_phone_checks',
    'UPDATE srv_messages SET user_id = user_id',
    'DELETE FROM srv_message_wishes',
  ]) {
    await assert.rejects(as('medtime_messenger', query), { code: '42501' }, query)
  }
  await stage.drain()
})

test('an alarm is sent before what has waited longer', async () => {
  const user = await stage.user()
  const device = await stage.device(user)
  const [reminder, alarm] = [anEvent(), anEvent()]
  const to = { user, device }
  await stage.enqueue({ type: 'alert_backup', event: reminder, to, fields: { link: aLink() } })
  stage.clock.now += 1_000
  await stage.enqueue({ type: 'emergency_notification', event: alarm, to, fields: { link: aLink() } })
  await deliverNext(stage.parts)
  assert.deepEqual([await stage.state(reminder), await stage.state(alarm)], ['waiting', 'accepted'])
  await stage.drain()
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

test('a push to a topic goes there once, in the language asked for', async () => {
  const user = await stage.user()
  const [event, topic] = [anEvent(), randomUUID()]
  const to = { user, topic, language: 'en' } as const
  await stage.enqueue({ type: 'caregiver_notification', event, to, fields: { link: aLink() } })
  await stage.drain()
  const got = stage.fcm.accepted.filter((push) => push.topic === topic)
  assert.deepEqual(
    got.map(({ notification }) => notification?.body),
    ['There is news of somebody in your care. Open the app.'],
  )
})

test('accounts send codes as themselves, and read none', async () => {
  const user = randomUUID()
  const phone = aNumber()
  const send = codeSender({
    database: stage.accounts,
    settings: { vault: stage.vault, webhook: undefined },
    now: stage.parts.now,
  })
  await send({ user, number: phone, code: '042137' })
  await assert.rejects(send({ user, number: 'PARACETAMOL', code: '042137' }), { code: 'BAD_REQUEST' })
  await assert.rejects(stage.accounts.run('look', 'SELECT * FROM srv_messages', []))
  await stage.drain()
  assert.match(stage.twilio.accepted.find(({ to }) => to === phone)?.body ?? '', /042137/)
})

const codeTo = (user: string, phone: PhoneNumber, event = anEvent()) =>
  ({ type: 'mfa_code', event, to: { user, phone, language: 'es' }, fields: { code: aCode() } }) as const

test('what the provider puts off is tried three times, ever later, and then given up', async () => {
  const user = await stage.user()
  const phone = aNumber()
  const message = codeTo(user, phone)
  stage.twilio.misbehave('error', 'unavailable', 'error')
  await stage.enqueue(message)
  const pauses: number[] = []
  for (let attempt = 0; attempt < 3; attempt++) {
    await stage.drain()
    const [row] = await stage.stored(message.event)
    assert.equal(row?.attempts, attempt + 1)
    if (row.state !== 'waiting') break
    pauses.push(row.due_at.getTime() - stage.clock.now)
    stage.clock.now = row.due_at.getTime() - 1
    assert.equal(await stage.drain(), 0, 'not before its time')
    stage.clock.now++
  }
  assert.deepEqual(pauses, [3_750, 37_500])
  const [row] = await stage.stored(message.event)
  assert.deepEqual([row?.state, row?.error_code, row?.content], ['failed', 'TWILIO_20500', null])
  // What was never taken counts against no limit.
  assert.deepEqual(await stage.sql('SELECT * FROM srv_message_sends WHERE user_id = $1', [user]), [])
})

test('a busy provider is waited for as long as it asks', async () => {
  const user = await stage.user()
  await stage.device(user)
  const event = anEvent()
  stage.fcm.misbehave('quota')
  await stage.enqueue({ type: 'alert_backup', event, to: { user }, fields: { link: aLink() } })
  await stage.drain()
  const [, copy] = await stage.stored(event)
  assert.deepEqual([copy?.state, (copy?.due_at.getTime() ?? 0) - stage.clock.now], ['waiting', 60_000])
  stage.clock.now += 60_000
  await stage.drain()
  assert.equal(await stage.state(event), 'spread,accepted')
})

test('an access token is used again until it ends, and a new one is fetched when it ended early', async () => {
  const user = await stage.user()
  await stage.device(user)
  const event = anEvent()
  const before = stage.fcm.tokensGiven()
  assert.equal(before, 1, 'one token for everything so far')
  stage.fcm.misbehave('token-ended')
  await stage.enqueue({ type: 'alert_backup', event, to: { user }, fields: { link: aLink() } })
  await stage.drain()
  stage.clock.now += 10_000
  await stage.drain()
  assert.equal(await stage.state(event), 'spread,accepted')
  assert.equal(stage.fcm.tokensGiven(), 2)
})

test('a device whose app is gone is forgotten, and others are not', async () => {
  const user = await stage.user()
  const token = stage.fcm.install()
  await stage.device(user, { token, id: 'a-gone' })
  await stage.device(user, { id: 'b-here' })
  stage.fcm.uninstall(token)
  const event = anEvent()
  await stage.enqueue({ type: 'alert_backup', event, to: { user }, fields: { link: aLink() } })
  await stage.drain()
  const rows = await stage.stored(event)
  assert.deepEqual(
    rows.map(({ target, state, error_code }) => [target, state, error_code]),
    [
      ['', 'spread', null],
      ['a-gone', 'failed', 'UNREGISTERED'],
      ['b-here', 'accepted', null],
    ],
  )
  const left = await stage.sql('SELECT device_id FROM srv_message_devices WHERE user_id = $1', [user])
  assert.deepEqual(left, [{ device_id: 'b-here' }])
})

test('a phone that went over to somebody else gets no messages for who had it before', async () => {
  const [before, now] = [await stage.user(), await stage.user()]
  const token = stage.fcm.install()
  await stage.device(before, { token, at: stage.clock.now - 1_000 })
  await stage.device(now, { token })
  const [first, second] = [anEvent(), anEvent()]
  for (const [user, event] of [
    [before, first],
    [now, second],
  ] as const) {
    await stage.enqueue({ type: 'alert_backup', event, to: { user }, fields: { link: aLink() } })
  }
  await stage.drain()
  assert.deepEqual([await stage.state(first), await stage.state(second)], ['nobody', 'spread,accepted'])
})

test('who answered STOP gets nothing, and is believed also when only the provider knows', async () => {
  const user = await stage.user()
  const phone = aNumber()
  stage.twilio.optOut(phone)
  const [first, second] = [codeTo(user, phone), codeTo(user, phone)]
  await stage.enqueue(first)
  await stage.drain()
  assert.equal(await stage.state(first.event), 'stopped')
  const asked = stage.twilio.answers.length
  await stage.enqueue(second)
  await stage.drain()
  assert.equal(await stage.state(second.event), 'stopped')
  assert.equal(stage.twilio.answers.length, asked, 'the provider is not asked again')
})

test('a code that waited for five minutes is not sent any more', async () => {
  const user = await stage.user()
  const phone = aNumber()
  const [late, intime] = [codeTo(user, phone), codeTo(user, aNumber())]
  await stage.enqueue(late)
  stage.clock.now += 1
  await stage.enqueue({ ...intime, to: { ...intime.to, user: await stage.user() } })
  stage.clock.now += 299_999
  await stage.drain()
  assert.deepEqual([await stage.state(late.event), await stage.state(intime.event)], ['expired', 'accepted'])
  const [sms] = stage.twilio.accepted.filter(({ to }) => to === intime.to.phone)
  assert.equal(sms?.validityPeriod, 1)
})

test('without an answer a code is not sent again, and its receipt tells that it was taken', async () => {
  const user = await stage.user()
  const [taken, lost] = [codeTo(user, aNumber()), codeTo(await stage.user(), aNumber())]
  stage.twilio.misbehave('accept-and-hang-up', 'hang')
  for (const message of [taken, lost]) {
    await stage.enqueue(message)
    await stage.drain(message === lost ? stage.impatient : stage.parts)
    assert.equal(await stage.state(message.event), 'sending')
  }
  const [sms] = stage.twilio.accepted.filter(({ to }) => to === taken.to.phone)
  assert.ok(sms)
  await stage.receipt(sms.statusCallback, sms.sid, 'delivered')
  stage.clock.now += 60_000
  await stage.drain()
  assert.deepEqual([await stage.state(taken.event), await stage.state(lost.event)], ['delivered', 'unknown'])
  assert.equal(stage.twilio.accepted.filter(({ to }) => to === lost.to.phone || to === taken.to.phone).length, 1)
})

test('a receipt may still come for what counted as unknown, and nothing late undoes a delivery', async () => {
  const message = codeTo(await stage.user(), aNumber())
  stage.twilio.misbehave('bad-gateway')
  await stage.enqueue(message)
  await stage.drain()
  stage.clock.now += 60_000
  await stage.drain()
  assert.equal(await stage.state(message.event), 'unknown')
  const [sms] = stage.twilio.accepted.filter(({ to }) => to === message.to.phone)
  assert.ok(sms)
  for (const [status, state] of [
    ['accepted', 'accepted'],
    ['delivered', 'delivered'],
    ['accepted', 'delivered'],
    ['undelivered', 'delivered'],
  ] as const) {
    await stage.receipt(sms.statusCallback, sms.sid, status)
    await stage.drain()
    assert.equal(await stage.state(message.event), state)
  }
})

test('without an answer an alarm is sent again, at most three times, and a push under the same tag', async () => {
  const user = await stage.user()
  const phone = aNumber()
  const [sms, push] = [anEvent(), anEvent()]
  const token = stage.fcm.install()
  const device = await stage.device(user, { token })
  stage.twilio.misbehave('accept-and-hang-up', 'accept-and-hang-up', 'accept-and-hang-up')
  stage.fcm.misbehave('accept-and-hang-up')
  const fields = { link: aLink() }
  await stage.enqueue({ type: 'emergency_alert', tier: 'pro', event: sms, to: { user, phone, language: 'es' }, fields })
  await stage.enqueue({ type: 'emergency_notification', event: push, to: { user, device }, fields })
  for (let lease = 0; lease < 5; lease++) {
    await stage.drain()
    stage.clock.now += 60_000
  }
  assert.deepEqual([await stage.state(sms), await stage.state(push)], ['unknown', 'accepted'])
  const alarms = stage.twilio.accepted.filter(({ to }) => to === phone)
  assert.deepEqual([alarms.length, new Set(alarms.map(({ body }) => body)).size], [3, 1])
  const pushes = stage.fcm.accepted.filter((each) => each.token === token)
  assert.deepEqual([pushes.length, new Set(pushes.map(({ android }) => android?.notification?.tag)).size], [2, 1])
})

test('a content that was put into another message does not open, and is not sent', async () => {
  const [one, other] = [codeTo(await stage.user(), aNumber()), codeTo(await stage.user(), aNumber())]
  await stage.enqueue(one)
  await stage.enqueue(other)
  await stage.sql(
    'UPDATE srv_messages SET content = (SELECT content FROM srv_messages WHERE event = $1) WHERE event = $2',
    [one.event, other.event],
  )
  await stage.drain()
  assert.deepEqual([await stage.state(one.event), await stage.state(other.event)], ['accepted', 'failed'])
})

test('the log of all this holds ids, types and codes, and nothing else', () => {
  const allowed = new Set(['message_id', 'message_type', 'error_code', 'how'])
  assert.ok(stage.logged.length > 20)
  for (const line of stage.logged) {
    for (const [key, value] of Object.entries(JSON.parse(line))) {
      assert.ok(allowed.has(key), key)
      assert.match(String(value), /^[A-Za-z0-9_-]+$/)
    }
    assert.ok(!line.includes('202555') && !line.includes('APA91b'))
  }
})

/*
 * Every limit at its boundary: the last that may go goes, the next does not, and a window later there is room again. Sixteen take at once.
 */

/** As if so many had been sent just now. */
async function fill(user: string, bucket: string, count: number): Promise<void> {
  const id = randomUUID()
  await stage.sql(
    `INSERT INTO srv_messages (id, user_id, type, event, audience, target, state, created_at, due_at, expires_at, ended_at)
     VALUES ($1, $2, 'mfa_code', $3, 'user', '', 'accepted', now(), now(), now(), now())`,
    [id, user, anEvent()],
  )
  await stage.sql(
    `INSERT INTO srv_message_sends (user_id, message_id, bucket, sent_at)
     SELECT $1, $2, $3, $4 FROM generate_series(1, $5::int)`,
    [user, id, bucket, new Date(stage.clock.now), count],
  )
}

async function drainByMany(): Promise<void> {
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (await deliverNext(stage.parts));
    }),
  )
}

const statesOf = async (events: readonly string[]) =>
  (await Promise.all(events.map((event) => stage.state(event)))).sort()

async function boundary(
  { most, windowMs }: Limit,
  fillUp: (count: number) => Promise<void>,
  enqueue: (event: string) => Promise<unknown>,
): Promise<void> {
  await fillUp(most - 1)
  const events = [anEvent(), anEvent(), anEvent(), anEvent()]
  await Promise.all(events.map(enqueue))
  await drainByMany()
  assert.deepEqual(await statesOf(events), ['accepted', 'limited', 'limited', 'limited'])
  stage.clock.now += windowMs - 1
  const [early, onTime] = [anEvent(), anEvent()]
  await enqueue(early)
  await drainByMany()
  assert.equal(await stage.state(early), 'limited')
  stage.clock.now += 1
  await enqueue(onTime)
  await drainByMany()
  assert.equal(await stage.state(onTime), 'accepted')
}

test('what was sent two days ago counts for nothing any more', async () => {
  stage.clock.now += 2 * 86_400_000
  await stage.parts.outbox.clean(new Date(stage.clock.now))
  assert.deepEqual(
    await stage.sql('SELECT * FROM srv_message_sends WHERE sent_at < $1', [new Date(stage.clock.now - 2 * 86_400_000)]),
    [],
  )
})

test('a device gets 100 messages in any hour', async () => {
  const user = await stage.user()
  const device = await stage.device(user)
  await boundary(
    limits.pushByDevice,
    (count) => fill(user, `device:${user}:${device}`, count),
    (event) => stage.enqueue({ type: 'alert_backup', event, to: { user, device }, fields: { link: aLink() } }),
  )
})

test('a topic gets 1,000 messages in any hour', async () => {
  const user = await stage.user()
  const topic = randomUUID()
  await boundary(
    limits.pushByTopic,
    (count) => fill(user, `topic:${topic}`, count),
    (event) =>
      stage.enqueue({ type: 'alert_backup', event, to: { user, topic, language: 'es' }, fields: { link: aLink() } }),
  )
})

test('a number of ours sends 100 SMS in any day, and another takes over when there is one', async () => {
  const user = await stage.user()
  const [number = ''] = stage.twilio.numbers
  const send = async (event: string) => {
    const to = { user: await stage.user(), phone: aNumber(), language: 'es' } as const
    return stage.enqueue({ type: 'mfa_code', event, to, fields: { code: aCode() } })
  }
  await boundary(limits.smsFromNumber, (count) => fill(user, `sms-from:${number}`, count), send)
  await fill(user, `sms-from:${number}`, 100)
  const event = anEvent()
  await send(event)
  const numbers = stage.twilio.numbers.map((each) => phoneNumber.parse(each))
  await stage.drain({ ...stage.parts, numbers })
  assert.equal(await stage.state(event), 'accepted')
  assert.equal(stage.twilio.accepted.at(-1)?.from, stage.twilio.numbers[1])
  stage.clock.now += limits.smsFromNumber.windowMs
})

test('a user gets 10 SMS in any day, whichever numbers they go to', async () => {
  const user = await stage.user()
  const events: string[] = []
  for (let index = 0; index < 11; index++) {
    const event = anEvent()
    events.push(event)
    await stage.enqueue({
      type: 'mfa_code',
      event,
      to: { user, phone: aNumber(), language: 'es' },
      fields: { code: aCode() },
    })
    await drainByMany()
    stage.clock.now += 60_000
  }
  assert.deepEqual(await statesOf(events), [...Array(10).fill('accepted'), 'limited'])
})

test('a number gets 100 SMS in any day, whoever names it', async () => {
  const phone = aNumber()
  await fill(await stage.user(), `sms-to:${stage.vault.hash(phone).toString('hex')}`, 100)
  stage.clock.now += 60_000
  const event = anEvent()
  await stage.enqueue({
    type: 'mfa_code',
    event,
    to: { user: await stage.user(), phone, language: 'es' },
    fields: { code: aCode() },
  })
  await drainByMany()
  assert.equal(await stage.state(event), 'limited')
})

test('between two SMS to a user lie 60 s: the second waits, and is then sent', async () => {
  const user = await stage.user()
  const [first, second] = [anEvent(), anEvent()]
  for (const event of [first, second]) {
    await stage.enqueue({
      type: 'mfa_code',
      event,
      to: { user, phone: aNumber(), language: 'es' },
      fields: { code: aCode() },
    })
  }
  await drainByMany()
  assert.deepEqual(await statesOf([first, second]), ['accepted', 'waiting'])
  stage.clock.now += 59_999
  await drainByMany()
  assert.deepEqual(await statesOf([first, second]), ['accepted', 'waiting'])
  stage.clock.now += 1
  await drainByMany()
  assert.deepEqual(await statesOf([first, second]), ['accepted', 'accepted'])
})
