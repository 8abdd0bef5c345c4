import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { startCollector } from '../../../../src/receivers/collector.ts'
import {
  aCode,
  aLink,
  aNumber,
  anEvent,
  type MessengerStage,
  startMessengerStage,
  until,
} from '../../test/messenger-stage.ts'

/*
 * The messenger as processes that are killed with kill -9 where it hurts most, on the clock of the machine. A lease that would end in a
 * minute is ended by hand.
 */

let stage: MessengerStage
before(async () => {
  stage = await startMessengerStage()
})
after(() => stage.stop())

const smsTo = (phone: string) => stage.twilio.accepted.filter(({ to }) => to === phone)
const code = async (event: string) => {
  const to = { user: await stage.user(), phone: aNumber(), language: 'es' } as const
  stage.clock.now = Date.now()
  await stage.enqueue({ type: 'mfa_code', event, to, fields: { code: aCode() } })
  return to.phone
}

test('killed between taking and sending: the message is sent, once, and how is traced', async (t) => {
  const event = anEvent()
  // Whoever holds this lock keeps every SMS from being begun.
  const holder = new Client({ connectionString: stage.adminUrl })
  await holder.connect()
  await holder.query('SELECT pg_advisory_lock(hashtextextended($1, 7461))', [`sms-from:${stage.twilio.numbers[0]}`])
  const first = await stage.start()
  const phone = await code(event)
  const waiting = `SELECT FROM pg_stat_activity WHERE usename = 'medtime_messenger' AND wait_event = 'advisory'`
  await until('it has taken the message and not begun it', async () => (await stage.sql(waiting)).length > 0)
  await first.child.stop({ signal: 'SIGKILL' })
  await holder.end()
  const [row] = await stage.stored(event)
  assert.deepEqual([row?.state, row?.attempts], ['waiting', 0])

  const collector = await startCollector()
  t.after(() => collector.stop())
  const second = await stage.start({ TELEMETRY_OTLP: collector.origin })
  await stage.endLease(event)
  await until('it is sent', async () => (await stage.state(event)) === 'accepted')
  await second.child.stop()
  assert.equal(smsTo(phone).length, 1)
  const job = collector.spans.find(({ name }) => name === 'job')
  const statements = collector.spans.filter(({ parentSpanId }) => parentSpanId === job?.spanId)
  assert.ok(job !== undefined && statements.length > 0 && statements.every(({ name }) => name === 'statement'))
})

test('killed between acceptance and note: a code is not sent again, an alarm is, a push replaces itself', async () => {
  const [codeEvent, alarm, push] = [anEvent(), anEvent(), anEvent()]
  const first = await stage.start({
    FCM_ACCOUNT_FILE: await accountFile(),
    FCM_ORIGIN: stage.fcm.origin,
  })
  stage.twilio.misbehave('accept-and-hang', 'accept-and-hang')
  const phone = await code(codeEvent)
  await until('the provider has the code', () => smsTo(phone).length === 1)
  const user = await stage.user()
  const alarmed = aNumber()
  const fields = { link: aLink() }
  await stage.enqueue({
    type: 'emergency_alert',
    tier: 'perfect',
    event: alarm,
    to: { user, phone: alarmed, language: 'es' },
    fields,
  })
  await until('the provider has the alarm', () => smsTo(alarmed).length === 1)
  const token = stage.fcm.install()
  const device = await stage.device(user, { token })
  stage.fcm.misbehave('accept-and-hang')
  await stage.enqueue({ type: 'emergency_notification', event: push, to: { user, device }, fields })
  const pushes = () => stage.fcm.accepted.filter((each) => each.token === token)
  await until('the provider has the push', () => pushes().length === 1)
  await first.child.stop({ signal: 'SIGKILL' })
  for (const event of [codeEvent, alarm, push]) assert.equal(await stage.state(event), 'sending')

  const second = await stage.start({ FCM_ACCOUNT_FILE: await accountFile(), FCM_ORIGIN: stage.fcm.origin })
  // The pause between two SMS to one user is over as well by the time a lease is.
  await stage.sql(`UPDATE srv_message_sends SET sent_at = sent_at - interval '61 s'`)
  for (const event of [codeEvent, alarm, push]) await stage.endLease(event)
  await until('all of them ended', async () => {
    const states = await Promise.all([codeEvent, alarm, push].map((event) => stage.state(event)))
    return states.join() === 'unknown,accepted,accepted'
  })
  const metrics = await fetch(`http://127.0.0.1:${second.port}/metrics`).then((response) => response.text())
  assert.match(metrics, /sms_messages_total\{[^}]*template="mfa_code"[^}]*\} 1/)
  await second.child.stop()
  assert.deepEqual([smsTo(phone).length, smsTo(alarmed).length], [1, 2])
  assert.deepEqual(new Set(pushes().map(({ android }) => android?.notification?.tag)).size, 1)
  assert.equal(pushes().length, 2)
})

test('two instances work one outbox off, each event is sent once, and one that is asked to end notes what it has begun', async () => {
  const [first, second] = await Promise.all([stage.start(), stage.start()])
  for (const { port } of [first, second]) {
    await until('it serves', () => answers(`http://127.0.0.1:${port}/health/ready`))
  }
  // Connections that the database ends are replaced.
  await stage.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'medtime_messenger'`)
  // Long enough for neither to finish before the other looks.
  stage.twilio.slowDown(60)
  const events = Array.from({ length: 60 }, () => anEvent())
  const phones = await Promise.all(events.map(code))
  await until('both have sent some', () => [first, second].every(({ output }) => output().includes('"message_sent"')))
  const { code: exit } = await first.child.stop({ signal: 'SIGTERM' })
  assert.equal(exit, 0)
  await until('everything is sent', () => phones.every((phone) => smsTo(phone).length > 0))
  stage.twilio.slowDown(0)
  const [told] = smsTo(phones[0] ?? '')
  assert.ok(told)
  await stage.receipt(told.statusCallback, told.sid, 'undelivered', 'TWILIO_30003')
  await until(
    'it logs what the provider told',
    () => /"message_receipt"/.test(second.output()) && second.output().includes('"TWILIO_30003"'),
  )
  await second.child.stop()
  assert.deepEqual(
    phones.map((phone) => smsTo(phone).length),
    phones.map(() => 1),
  )
  assert.deepEqual(
    await Promise.all(events.map((event) => stage.state(event))),
    events.map((_, index) => (index === 0 ? 'undelivered' : 'accepted')),
    'no lease was left to end',
  )
  for (const { output } of [first, second]) {
    for (const phone of phones) assert.ok(!output().includes(phone.slice(1)))
    assert.ok(!output().includes('clave'))
  }
})

test('without a provider a developer finds the words in a folder, and the log has the id and the type alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'medtime-messages-test-'))
  try {
    const event = anEvent()
    const none = { TWILIO_ACCOUNT_SID: undefined }
    const { child, output } = await stage.start({ MESSAGES_FOLDER: folder }, none)
    const phone = await code(event)
    await until('it is written', async () => (await stage.state(event)) === 'accepted')
    await child.stop()
    const [row] = await stage.stored(event)
    const files = (await readdir(folder)).filter((name) => name.includes(row?.id ?? '-'))
    assert.deepEqual(files, [`sms-${row?.id}.txt`])
    const path = join(folder, files[0] ?? '')
    const text = await readFile(path, 'utf8')
    assert.match(text, new RegExp(`^from \\+\\d+\\nto \\${phone}\\nMedTime: su clave es \\d{6}\\.`))
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const lines = output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const told = lines.find(({ event: name, message_id }) => name === 'message_sent' && message_id === row?.id)
    assert.equal(told?.message_type, 'mfa_code')
    const secret = /\d{6}\./.exec(text)?.[0].slice(0, 6) ?? ''
    for (const { time: _, ...line } of lines) {
      assert.ok(!JSON.stringify({ ...line, message_id: '' }).includes(secret))
      assert.ok(!JSON.stringify(line).includes(phone.slice(1)))
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

let account: string | undefined
after(async () => {
  if (account !== undefined) await rm(account)
})
async function accountFile(): Promise<string> {
  account ??= join(tmpdir(), `medtime-account-${process.pid}.json`)
  await writeFile(account, JSON.stringify(stage.fcm.account), { mode: 0o600 })
  return account
}

const answers = async (url: string) => (await fetch(url).catch(() => undefined))?.ok === true
