import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Secret, TOTP } from 'otpauth'
import { withClient } from '../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { createAccounts } from '../client/account/account.ts'
import { anchorJob } from '../services/accounts/audit/anchor.ts'
import { createSealing } from '../services/accounts/sealing/seal.ts'
import { type Database, openDatabase } from '../services/api/database.ts'
import { startAccounts, type TestAccounts } from './accounts.ts'
import { migrate, startTestServer, type TestServer } from './database.ts'
import * as weakly from './weakly-stretched.ts'

let server: TestServer
let database: PreparedDatabase
let service: TestAccounts
let connections: Database
const now = () => Date.now()
const sealing = createSealing({ keys: [Buffer.alloc(32, 7)], names: undefined })

before(async () => {
  server = await startTestServer()
  database = await server.createDatabase('audit')
  await migrate(database.ownerUrl)
  service = await startAccounts(database.roleUrl('medtime_accounts'), now)
  connections = openDatabase({
    url: database.roleUrl('medtime_accounts'),
    poolSize: 2,
    onStatement: () => undefined,
    onLostConnection: () => undefined,
  })
})
after(async () => {
  await connections?.close()
  await service?.stop()
  await server?.stop()
})

const password = 'Correct horse 7 staple'
const asAdmin = async (sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
  withClient(database.adminUrl, async (client) => (await client.query(sql, values)).rows)
const eventsOf = async (user: unknown) =>
  (await asAdmin('SELECT event FROM srv_audit_of($1)', [user])).map(({ event }) => event)
const brokenAt = async () => (await asAdmin('SELECT srv_verify_audit() AS log, srv_verify_anchors() AS anchors'))[0]

async function until(what: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await what())) {
    assert.ok(Date.now() < deadline, 'it was written')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Somebody who signed up and in. */
async function person() {
  const email = `${randomUUID()}@example.test`
  await weakly.signUp(service.address, email, 'a password')
  const signIn = () => weakly.signIn(service.address, email, 'a password')
  const { body } = await signIn()
  return { email, signIn, user: body['user_id'], token: String(body['access_token']), refresh: body['refresh_token'] }
}

test('how a session ended is in the log, each once', async () => {
  const { user, token, refresh, signIn } = await person()
  for (let twice = 0; twice < 2; twice++) {
    await weakly.post(service.address, '/auth/token', { grant_type: 'refresh_token', refresh_token: refresh })
  }
  assert.deepEqual(await eventsOf(user), ['session_ended_reuse'])
  const { session_id } = (await signIn()).body
  for (let more = 0; more < 2; more++) await signIn()
  assert.deepEqual(await eventsOf(user), ['session_ended_reuse', 'session_ended_replaced'])
  assert.ok(session_id && token)
})

test('a second factor that is set up, its recovery codes as they are used, and guessing at codes are in the log', async () => {
  const { user, token, signIn } = await person()
  const set = (path: string, body: unknown, as?: string) => weakly.post(service.address, path, body, as)
  const { ticket } = (await set('/auth/second-factor/ticket', {}, token)).body
  const secret = String((await set('/auth/second-factor/totp', { ticket })).body['secret'])
  const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate()
  const { recovery_codes: codes } = (await set('/auth/second-factor/totp/confirm', { ticket, code })).body
  assert.deepEqual(await eventsOf(user), ['second_factor_totp_set_up'])
  const half = async () => (await signIn()).body['ticket']
  const goOn = (held: unknown, given: unknown) =>
    set('/auth/token', { grant_type: 'second_factor', ticket: held, method: 'recovery_code', code: given })
  assert.equal((await goOn(await half(), Array.isArray(codes) ? codes[0] : undefined)).status, 200)
  assert.deepEqual(await eventsOf(user), ['second_factor_totp_set_up', 'recovery_code_used'])
  for (let tickets = 0; tickets < 2; tickets++) {
    const held = await half()
    for (let wrong = 0; wrong < 5; wrong++) await goOn(held, '000000')
  }
  assert.deepEqual((await eventsOf(user)).slice(2), ['codes_locked'])
  for (let begun = 0; begun < 3; begun++) await half()
  await until(async () => (await eventsOf(user)).includes('sign_in_challenged'))
  await half()
  assert.deepEqual((await eventsOf(user)).slice(3), ['sign_in_challenged'], 'once, and not for each failure')
})

test('who may read along, and who no longer, is in the log of whose data it is', async () => {
  const [{ user }, { user: reader }] = [await person(), await person()]
  await asAdmin(`INSERT INTO srv_family_links (supervised_user_id, supervisor_id, status) VALUES ($1, $2, 'pending')`, [
    user,
    reader,
  ])
  for (const status of ['active', 'active', 'revoked']) {
    await asAdmin('UPDATE srv_family_links SET status = $2 WHERE supervised_user_id = $1', [user, status])
  }
  assert.deepEqual(await eventsOf(user), ['family_granted', 'family_revoked'])
  assert.deepEqual(await eventsOf(reader), [])
})

test('another password, the use of a recovery code, and the sessions they end are in the log, and no address', async () => {
  const email = `${randomUUID()}@example.test`
  const accounts = createAccounts({ address: service.address })
  const { recoveryCode } = await accounts.signUp(email, password)
  const signedIn = await accounts.signIn(email, password, 'phone')
  assert.equal(signedIn.outcome, 'signed-in')
  const { user_id: user } = signedIn.outcome === 'signed-in' ? signedIn.tokens : { user_id: '' }
  await accounts.recover(email, recoveryCode, 'Another one 8 altogether')
  assert.deepEqual(await eventsOf(user), [
    'recovery_used',
    'password_changed',
    'recovery_changed',
    'session_ended_recovered',
  ])
  const rows = JSON.stringify(await asAdmin('SELECT a::text FROM srv_audit AS a'))
  assert.ok(!rows.includes(email) && !rows.includes(user))
  assert.deepEqual(await brokenAt(), { log: null, anchors: null })
})

/** What one instance of the service does every ten minutes. */
const instance = () => {
  const job = anchorJob(sealing)
  return () => connections.transaction(null, (run) => job.work({ run, database: connections, now: new Date(now()) }))
}
const cut = { code: 'AUDIT_BROKEN' }

/** The last entries go, and the head says that they never were. */
const cutTail = `
  DELETE FROM srv_audit WHERE sequence > (SELECT max(sequence) - 2 FROM srv_audit);
  UPDATE srv_audit_head SET sequence = e.sequence, hash = e.hash FROM (SELECT * FROM srv_audit ORDER BY sequence DESC LIMIT 1) AS e`

test('a log whose end was cut off, with its head, does not bear out what was signed', async () => {
  await person().then(({ signIn }) => Promise.all([signIn(), signIn(), signIn()]))
  const anchor = instance()
  assert.equal(await anchor(), 1)
  assert.equal(await anchor(), 0, 'nothing was added')
  const copy = await asAdmin('SELECT * FROM srv_audit_anchors')
  assert.ok(copy.length > 0)

  await asAdmin(cutTail)
  const found = await brokenAt()
  assert.equal(found?.['log'], null, 'the chain alone does not tell')
  assert.ok(found?.['anchors'] !== null, 'the anchor does')
  await assert.rejects(anchor(), cut)
  await assert.rejects(instance()(), cut, 'also at an instance that knows nothing from before')

  // Who takes the anchors away as well is seen by whoever was there before.
  await asAdmin('DELETE FROM srv_audit_anchors')
  await assert.rejects(anchor(), cut)
  assert.equal(await instance()(), 1, 'and by no instance that was not: rights.md says so')
})

test('an anchor that was made without the key is not believed', async () => {
  await instance()()
  await asAdmin(
    `INSERT INTO srv_audit_anchors SELECT sequence - 1, hash, now(), sha256('x') FROM srv_audit ORDER BY sequence DESC LIMIT 1`,
  )
  await assert.rejects(instance()(), cut)
})
