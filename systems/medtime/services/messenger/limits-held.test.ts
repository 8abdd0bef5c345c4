import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { aCode, aLink, aNumber, anEvent, type MessengerStage, startMessengerStage } from '../../test/messenger-stage.ts'
import { phoneNumber } from '../api/messages/phone-number.ts'
import { deliverNext } from './deliver.ts'
import { type Limit, limits } from './limits.ts'

/*
 * Every limit at its boundary: the last that may go goes, the next does not, and a window later there is room again. Sixteen take at once.
 */

let stage: MessengerStage
before(async () => {
  stage = await startMessengerStage()
})
after(() => stage.stop())

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
