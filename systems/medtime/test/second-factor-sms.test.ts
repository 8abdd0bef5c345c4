import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { withClient } from '../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { startAccounts, type TestAccounts } from './accounts.ts'
import { migrate, startTestServer, type TestServer } from './database.ts'
import * as weakly from './weakly-stretched.ts'

let server: TestServer
let database: PreparedDatabase
let service: TestAccounts
let ana: Awaited<ReturnType<typeof withTelephone>>
const clock = { ms: Date.now() }
const sent: { user: string; number: string; code: string }[] = []
const number = '+525512345678'

before(async () => {
  server = await startTestServer()
  database = await server.createDatabase('sms')
  await migrate(database.ownerUrl)
  service = await startAccounts(database.roleUrl('medtime_accounts'), () => clock.ms, {
    sendCode: async (message) => void sent.push(message),
  })
  ana = await withTelephone()
})
after(async () => {
  await service?.stop()
  await server?.stop()
})

const post = (path: string, body: unknown, token?: string) => weakly.post(service.address, path, body, token)

/** Somebody of tier free with a confirmed telephone. */
async function withTelephone() {
  const email = `${randomUUID()}@example.test`
  await weakly.signUp(service.address, email, 'a password')
  const first = await weakly.signIn(service.address, email, 'a password')
  const token = String(first.body['access_token'])
  const { ticket } = (await post('/auth/second-factor/ticket', {}, token)).body
  assert.equal((await post('/auth/second-factor/sms', { ticket, number })).status, 200)
  assert.equal((await post('/auth/second-factor/sms/confirm', { ticket, code: sent.at(-1)?.code })).status, 200)
  /** A sign-in up to the second factor. */
  const half = async () => {
    const { body } = await weakly.signIn(service.address, email, 'a password')
    assert.deepEqual([body['code'], body['methods']], ['SECOND_FACTOR_NEEDED', ['sms']])
    return body['ticket']
  }
  return { half, token, user: first.body['user_id'] }
}

const goOn = (ticket: unknown, code: unknown) =>
  post('/auth/token', { grant_type: 'second_factor', ticket, method: 'sms', code })
const refused = async (answer: Promise<weakly.Answer>, message: string, code = 'SIGN_IN_FAILED') =>
  assert.equal((await answer).body['code'], code, message)

test('a code goes to the confirmed number, lets in once, and only for five minutes', async () => {
  const { half, user } = ana
  const start = clock.ms
  const ticket = await half()
  await post('/auth/second-factor/sms', { ticket })
  const message = sent.at(-1)
  assert.deepEqual([message?.user, message?.number], [user, number])
  assert.match(message?.code ?? '', /^\d{6}$/)
  const given = await goOn(ticket, message?.code)
  assert.ok(given.body['access_token'] && given.body['wrapped_master_key'])
  await refused(goOn(await half(), message?.code), 'used')

  const late = await half()
  await post('/auth/second-factor/sms', { ticket: late })
  clock.ms += 5 * 60_000 + 1
  await refused(goOn(late, sent.at(-1)?.code), 'too late')
  clock.ms = start
})

test('a ticket of a sign-in sets up no telephone of a stranger where a factor stands', async () => {
  const ticket = await ana.half()
  const before = sent.length
  assert.equal((await post('/auth/second-factor/sms', { ticket, number: '+525599999999' })).status, 401)
  assert.equal(sent.length, before)
})

test('a ticket for setting up leads to no session', async () => {
  const { ticket } = (await post('/auth/second-factor/ticket', {}, ana.token)).body
  const answer = await post('/auth/token', { grant_type: 'second_factor', ticket })
  assert.equal(answer.body['code'], 'SIGN_IN_FAILED')
})

test('setting up needs a sign-in of the last five minutes', async () => {
  const start = clock.ms
  clock.ms += 5 * 60_000 + 1_000
  const { status, body } = await post('/auth/second-factor/ticket', {}, ana.token)
  assert.deepEqual([status, body['code']], [401, 'RECENT_SIGN_IN_NEEDED'])
  clock.ms = start
})

test('after ten wrong codes in an hour even the right one is not taken', async () => {
  const { half } = await withTelephone()
  for (let tickets = 0; tickets < 2; tickets++) {
    const ticket = await half()
    for (let wrong = 0; wrong < 5; wrong++) await refused(goOn(ticket, 'abcdef'), `wrong ${wrong}`)
  }
  const ticket = await half()
  await post('/auth/second-factor/sms', { ticket })
  await refused(goOn(ticket, sent.at(-1)?.code), 'the right one', 'RATE_LIMITED')
})

test('neither the number nor a code stands in the database or the log', async () => {
  const log = JSON.stringify(service.log)
  const rows = await withClient(database.adminUrl, (client) =>
    client.query('SELECT s::text AS t FROM srv_sms_factors AS s'),
  )
  for (const { number: to, code } of sent) {
    for (const secret of [to, code]) {
      assert.ok(!log.includes(`"${secret}"`))
      for (const { t } of rows.rows) assert.ok(!String(t).split(/[(),]/).includes(secret))
    }
  }
})
