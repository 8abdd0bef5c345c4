import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { withClient } from '../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { createAccounts } from '../client/account/account.ts'
import { SyncError } from '../client/request.ts'
import { startAccounts, type TestAccounts } from './accounts.ts'
import { migrate, startTestServer, type TestServer } from './database.ts'

let server: TestServer
let database: PreparedDatabase
let service: TestAccounts
let ana: Awaited<ReturnType<typeof withTelephone>>
const clock = { ms: Date.now() }
const sent: { user: string; number: string; code: string }[] = []
const password = 'Correct horse 7 staple'
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

async function post(path: string, body: unknown, token?: string) {
  const response = await fetch(service.address + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: z.record(z.string(), z.unknown()).parse(await response.json()) }
}

/** Somebody of tier free with a confirmed telephone. */
async function withTelephone() {
  const email = `${randomUUID()}@example.test`
  const sdk = createAccounts({ address: () => service.address })
  await sdk.signUp(email, password)
  const first = await sdk.signIn(email, password, 'phone')
  if (first.outcome !== 'signed-in') throw new Error('no second factor is set up yet')
  const token = first.tokens.access_token
  const { ticket } = (await post('/auth/second-factor/ticket', {}, token)).body
  assert.equal((await post('/auth/second-factor/sms', { ticket, number })).status, 200)
  assert.equal((await post('/auth/second-factor/sms/confirm', { ticket, code: sent.at(-1)?.code })).status, 200)
  const half = async () => {
    const result = await sdk.signIn(email, password, 'phone')
    if (result.outcome === 'signed-in') throw new Error('no code was asked for')
    return result
  }
  return { half, token, ticket, user: first.tokens.user_id }
}

const failed = (code: string) => (error: unknown) => error instanceof SyncError && error.code === code

test('a code goes to the confirmed number, lets in once, and only for five minutes', async () => {
  const { half, user } = ana
  const start = clock.ms
  const first = await half()
  assert.deepEqual(first.needed.methods, ['sms'])
  const { ticket } = first.needed
  await post('/auth/second-factor/sms', { ticket })
  const message = sent.at(-1)
  assert.deepEqual([message?.user, message?.number], [user, number])
  assert.match(message?.code ?? '', /^\d{6}$/)
  assert.ok((await first.goOn('sms', message?.code)).masterKey)
  await assert.rejects((await half()).goOn('sms', message?.code), failed('SIGN_IN_FAILED'), 'used')

  const second = await half()
  await post('/auth/second-factor/sms', { ticket: second.needed.ticket })
  clock.ms += 5 * 60_000 + 1
  await assert.rejects(second.goOn('sms', sent.at(-1)?.code), failed('SIGN_IN_FAILED'), 'too late')
  clock.ms = start
})

test('a ticket of a sign-in sets up no telephone of a stranger where a factor stands', async () => {
  const { ticket } = (await ana.half()).needed
  const before = sent.length
  assert.equal((await post('/auth/second-factor/sms', { ticket, number: '+525599999999' })).status, 401)
  assert.equal(sent.length, before)
})

test('a ticket for setting up leads to no session', async () => {
  const { ticket } = (await post('/auth/second-factor/ticket', {}, ana.token)).body
  const answer = await post('/auth/token', { grant_type: 'second_factor', ticket })
  assert.equal(answer.body['code'], 'SIGN_IN_FAILED')
})

test('setting up needs a sign-in of the last quarter of an hour', async () => {
  const start = clock.ms
  clock.ms += 15 * 60_000 + 1
  assert.equal((await post('/auth/second-factor/ticket', {}, ana.token)).status, 401)
  clock.ms = start
})

test('after ten wrong codes in an hour even the right one is not taken', async () => {
  const { half } = await withTelephone()
  for (let wrong = 0; wrong < 10; wrong++) {
    await assert.rejects((await half()).goOn('sms', 'abcdef'), failed('SIGN_IN_FAILED'))
    // Each beginning counts as well; here only the codes are looked at.
    await withClient(database.adminUrl, (client) =>
      client.query(`DELETE FROM srv_auth_counts WHERE bucket !~ '^codes'`),
    )
  }
  const last = await half()
  await post('/auth/second-factor/sms', { ticket: last.needed.ticket })
  const answer = await post('/auth/token', {
    grant_type: 'second_factor',
    ticket: last.needed.ticket,
    method: 'sms',
    code: sent.at(-1)?.code,
  })
  assert.equal(answer.body['code'], 'RATE_LIMITED')
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
