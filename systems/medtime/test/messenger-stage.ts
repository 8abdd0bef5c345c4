import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { withClient } from '../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { type Child, startChild } from '../../../src/process.ts'
import { freePort } from '../../../src/run/free-port.ts'
import { type Database, openDatabase } from '../services/api/database.ts'
import { createEnqueue, type Enqueue } from '../services/api/messages/enqueue.ts'
import { type Language, linkId, type Message, type NumericCode, numericCode } from '../services/api/messages/message.ts'
import { type PhoneNumber, phoneNumber } from '../services/api/messages/phone-number.ts'
import { phonePlace, tokenPlace } from '../services/api/messages/sealed-content.ts'
import { linkOrigin } from '../services/api/messages/templates.ts'
import { createVault, type Vault } from '../services/api/messages/vault.ts'
import { type DeliveryParts, deliverNext } from '../services/messenger/deliver.ts'
import { fcmSender } from '../services/messenger/fcm/send.ts'
import { openOutbox, type Receipt } from '../services/messenger/outbox.ts'
import { openRecipients } from '../services/messenger/recipients.ts'
import { twilioSender } from '../services/messenger/twilio/send.ts'
import { migrate, startTestServer, type TestServer } from './database.ts'
import { type FcmDouble, startFcmDouble } from './fcm-double.ts'
import { startTwilioDouble, type TwilioDouble } from './twilio-double.ts'

/*
 * Everything the messenger works with, on real Postgres: doubles of both providers, a clock that a test moves, and ways to look at what is
 * stored.
 */

export interface StoredMessage {
  id: string
  state: string
  attempts: number
  target: string
  due_at: Date
  error_code: string | null
  provider_id: string | null
  content: Buffer | null
}

export interface MessengerStage {
  fcm: FcmDouble
  twilio: TwilioDouble
  vault: Vault
  adminUrl: string
  messengerUrl: string
  api: Database
  accounts: Database
  clock: { now: number }
  /** What was logged. */
  logged: string[]
  parts: DeliveryParts
  /** The same, with little patience for Twilio. */
  impatient: DeliveryParts
  /** As the API does for an event of a user. */
  enqueue(message: Message, actor?: string): Promise<string>
  /** The same inside a transaction that does more. */
  enqueueIn: Enqueue
  user(): Promise<string>
  device(user: string, options?: { id?: string; token?: string; language?: Language; at?: number }): Promise<string>
  phone(user: string, number: string, language?: Language): Promise<PhoneNumber>
  /** Delivers what is due now, and returns how many messages were looked at. */
  drain(parts?: DeliveryParts): Promise<number>
  /** Messages of an event, by target. */
  stored(event: string): Promise<StoredMessage[]>
  state(event: string): Promise<string>
  /** As the API notes what the provider told at an address for receipts. */
  receipt(callback: string, sid: string, status: Receipt['status'], errorCode?: string): Promise<void>
  /** Lets the lease of whoever holds a message end. */
  endLease(event: string): Promise<void>
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  /** The messenger as a process of its own, with its output. @param without variables it does not get */
  start(
    environment?: Record<string, string>,
    without?: Record<string, undefined>,
  ): Promise<{ child: Child; port: number; output(): string }>
  stop(): Promise<void>
}

export const aCode = (): NumericCode => numericCode.parse(String(Math.floor(Math.random() * 1e6)).padStart(6, '0'))
export const aLink = () => linkId.parse(randomUUID())
export const anEvent = () => `test:${randomUUID()}`
let numbers = 0
/** Numbers of the range kept free for fiction. */
export const aNumber = () => phoneNumber.parse(`+1202555${String(++numbers).padStart(4, '0')}`)

const webhookOrigin = 'https://api.medtime.example'
const key = '11'.repeat(32)

export async function startMessengerStage(): Promise<MessengerStage> {
  const [server, fcm, twilio]: [TestServer, FcmDouble, TwilioDouble] = await Promise.all([
    startTestServer(),
    startFcmDouble(),
    startTwilioDouble(),
  ])
  const database = await prepared(server).catch(async (error: unknown) => {
    // Nobody else could end what has begun.
    await Promise.all([server.stop(), fcm.stop(), twilio.stop()])
    throw error
  })
  const messengerUrl = database.roleUrl('medtime_messenger')
  const open = (url: string) =>
    openDatabase({ url, poolSize: 6, onStatement: () => undefined, onLostConnection: () => undefined })
  const api = open(database.roleUrl('medtime_api'))
  const accounts = open(database.roleUrl('medtime_accounts'))
  const messenger = open(messengerUrl)
  const vault = createVault({ keys: [Buffer.from(key, 'hex')], names: undefined })
  const clock = { now: Date.now() }
  const now = () => clock.now
  const logged: string[] = []
  const keep = (entry: object) => void logged.push(JSON.stringify(entry))
  const twilioOptions = {
    account: { accountSid: twilio.accountSid, user: twilio.user, password: twilio.password },
    origin: twilio.origin,
    webhookOrigin,
  }
  const parts: DeliveryParts = {
    outbox: openOutbox(messenger),
    recipients: openRecipients(messenger.run, vault),
    vault,
    push: fcmSender({ account: fcm.account, origin: fcm.origin, now: () => Date.now() }),
    sms: twilioSender(twilioOptions),
    numbers: twilio.numbers.slice(0, 1).map((number) => phoneNumber.parse(number)),
    linkOrigin: linkOrigin.parse('https://medtime.app/m'),
    now,
    random: () => 0.5,
    log: { sent: keep, putOff: keep, doubtful: keep, ended: (entry, how) => keep({ ...entry, how }), receipt: keep },
  }
  const enqueue = createEnqueue({ vault, now })
  const sql = <Row extends object>(text: string, values: unknown[] = []) =>
    withClient(database.adminUrl, async (client) => (await client.query<Row>(text, values)).rows)
  const started: Child[] = []

  const stage: MessengerStage = {
    fcm,
    twilio,
    vault,
    adminUrl: database.adminUrl,
    messengerUrl,
    api,
    accounts,
    clock,
    logged,
    parts,
    impatient: { ...parts, sms: twilioSender({ ...twilioOptions, timeoutMs: 300 }) },
    enqueueIn: enqueue,
    enqueue: (message, actor) => api.transaction(actor ?? message.to.user, (run) => enqueue(run, message)),
    user: async () => {
      const user = randomUUID()
      await sql('INSERT INTO srv_users (user_id) VALUES ($1)', [user])
      return user
    },
    device: async (
      user,
      { id = `device-${randomUUID()}`, token = fcm.install(), language = 'es', at = clock.now } = {},
    ) => {
      await sql(
        `INSERT INTO srv_message_devices (user_id, device_id, platform, language, sealed_token, token_hash, registered_at)
         VALUES ($1, $2, 'android', $3, $4, $5, $6)`,
        [user, id, language, vault.seal(token, tokenPlace(user, id)), vault.hash(token), new Date(at)],
      )
      return id
    },
    phone: async (user, number, language = 'es') => {
      const parsed = phoneNumber.parse(number)
      await sql(
        `INSERT INTO srv_message_phones (user_id, sealed_number, number_hash, language, confirmed_at) VALUES ($1, $2, $3, $4, now())`,
        [user, vault.seal(number, phonePlace(user)), vault.hash(number), language],
      )
      return parsed
    },
    drain: async (which = parts) => {
      let count = 0
      await which.outbox.fold(new Date(clock.now))
      while (await deliverNext(which)) count++
      return count
    },
    stored: (event) => sql<StoredMessage>('SELECT * FROM srv_messages WHERE event = $1 ORDER BY target', [event]),
    state: async (event) => (await stage.stored(event)).map(({ state }) => state).join(','),
    receipt: async (callback, sid, status, errorCode) => {
      const message = new URL(callback).searchParams.get('message')
      await api.run('receipt', 'SELECT public.srv_note_receipt($1, $2, $3, $4, $5, $6)', [
        randomBytes(32),
        message,
        sid,
        status,
        errorCode ?? null,
        new Date(clock.now),
      ])
    },
    endLease: async (event) =>
      void (await sql('UPDATE srv_messages SET due_at = created_at WHERE event = $1', [event])),
    sql,
    start: async (environment = {}, without = {}) => {
      const port = await freePort()
      const child = await startChild({
        program: process.execPath,
        args: [join(import.meta.dirname, '../services/messenger/main.ts')],
        env: {
          PATH: process.env['PATH'],
          AVAL_ENVIRONMENT: 'scratch',
          PORT: String(port),
          DATABASE_URL: messengerUrl,
          MESSAGES_KEY: key,
          TWILIO_ACCOUNT_SID: twilio.accountSid,
          TWILIO_USER: twilio.user,
          TWILIO_PASSWORD: twilio.password,
          TWILIO_NUMBERS: twilio.numbers.join(','),
          TWILIO_ORIGIN: twilio.origin,
          MESSAGES_WEBHOOK_ORIGIN: webhookOrigin,
          ...environment,
          ...without,
        },
      })
      started.push(child)
      let output = ''
      const collect = (chunk: Buffer) => {
        output += chunk.toString('utf8')
      }
      child.process.stdout?.on('data', collect)
      child.process.stderr?.on('data', collect)
      return { child, port, output: () => output }
    },
    stop: async () => {
      await Promise.all(started.map((child) => child.stop({ signal: 'SIGKILL' })))
      await Promise.all([api.close(), accounts.close(), messenger.close(), fcm.stop(), twilio.stop()])
      await server.stop()
    },
  }
  return stage
}

async function prepared(server: TestServer): Promise<PreparedDatabase> {
  const database = await server.createDatabase('medtime')
  await migrate(database.ownerUrl)
  return database
}

/** Waits until something holds. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, patienceMs = 30_000): Promise<void> {
  const deadline = Date.now() + patienceMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`it never came to this: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
