import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Secret, TOTP } from 'otpauth'
import { withClient } from '../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { createAccounts } from '../client/account/account.ts'
import { KdfRefused } from '../client/account/kdf.ts'
import { MasterKeyUnreadable } from '../client/account/master-key.ts'
import { WeakPassword } from '../client/account/password-rules.ts'
import {
  createSessionTokens,
  type KeptSession,
  keepSession,
  type SessionStore,
} from '../client/account/session-tokens.ts'
import { createMasterKey } from '../client/keys.ts'
import { SyncError } from '../client/request.ts'
import { serverDouble } from '../client/server-double.ts'
import { startAccounts, type TestAccounts } from './accounts.ts'
import { migrate, startTestServer, type TestServer } from './database.ts'
import * as weakly from './weakly-stretched.ts'

let server: TestServer
let database: PreparedDatabase
let service: TestAccounts
const clock = { ms: Date.now() }
const minute = 60_000

before(async () => {
  server = await startTestServer()
  database = await server.createDatabase('accounts')
  await migrate(database.ownerUrl)
  service = await startAccounts(database.roleUrl('medtime_accounts'), () => clock.ms)
})
after(async () => {
  await service?.stop()
  await server?.stop()
})

const password = 'Correct horse 7 staple'
const other = 'Another one 8 altogether'
const someone = () => `${randomUUID()}@example.test`
const accounts = (change: typeof fetch = fetch) => createAccounts({ address: () => service.address, fetch: change })
const failed = (code: string) => (error: unknown) => error instanceof SyncError && error.code === code

async function signIn(email: string, with_: string, sdk = accounts()) {
  const result = await sdk.signIn(email, with_, 'phone')
  if (result.outcome !== 'signed-in') throw new Error('a second factor was asked for')
  return result
}

/** A server in between that changes what answers say. */
function changing(path: string, change: (body: string) => string): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init)
    if (!String(input).endsWith(path)) return response
    return new Response(change(await response.text()), { status: response.status, headers: response.headers })
  }
}

test('a password change keeps the master key; the old password opens nothing, and other devices are signed out', async () => {
  const email = someone()
  await accounts().signUp(email, password)
  const [phone, tablet] = [await signIn(email, password), await signIn(email, password)]
  assert.deepEqual(phone.masterKey, tablet.masterKey)
  const { masterKey } = phone
  const token = phone.tokens.access_token
  const client = phone.open({ address: 'http://api.test', token: async () => token, fetch: serverDouble(100).fetch })
  await assert.rejects(
    accounts().changePassword({ email, present: other, next: other, masterKey, token, client }),
    failed('SIGN_IN_FAILED'),
  )
  await accounts().changePassword({ email, present: password, next: other, masterKey, token, client })
  await assert.rejects(signIn(email, password), failed('SIGN_IN_FAILED'))
  assert.deepEqual((await signIn(email, other)).masterKey, masterKey)
  const sessions = await fetch(`${service.address}/auth/sessions`, {
    headers: { authorization: `Bearer ${tablet.tokens.access_token}` },
  })
  assert.equal(sessions.status, 401)
})

test('the recovery code gives the master key back and sets another password, once', async () => {
  const email = someone()
  const { recoveryCode } = await accounts().signUp(email, password)
  const { masterKey } = await signIn(email, password)
  await assert.rejects(accounts().recover(email, recoveryCode.replace(/^./, 'U'), other), RangeError)
  const recovered = await accounts().recover(email, recoveryCode.toLowerCase(), other)
  assert.deepEqual(recovered.masterKey, masterKey)
  assert.deepEqual((await signIn(email, other)).masterKey, masterKey)
  await assert.rejects(accounts().recover(email, recoveryCode, password), failed('SIGN_IN_FAILED'), 'it was replaced')
  await assert.rejects(accounts().recover(someone(), recoveryCode, password), failed('SIGN_IN_FAILED'))
})

test('a weak password is refused before anything is sent', async () => {
  const never: typeof fetch = () => Promise.reject(new Error('something was sent'))
  await assert.rejects(accounts(never).signUp(someone(), 'short'), WeakPassword)
})

test('a server that lowers the stretching, or gives another wrapped key, is caught', async () => {
  const email = someone()
  await accounts().signUp(email, password)
  const lowered = changing('/auth/sign-in/start', (body) => body.replace('"iterations":3', '"iterations":1'))
  await assert.rejects(signIn(email, password, accounts(lowered)), KdfRefused)
  const damaged = changing('/auth/token', (body) =>
    body.replace(/"wrapped_master_key":"[^"]{4}/, '"wrapped_master_key":"AAAA'),
  )
  await assert.rejects(signIn(email, password, accounts(damaged)), MasterKeyUnreadable)
})

test('after five wrong passwords each try costs work, which the client does; then the right one lets in', async () => {
  const email = someone()
  await accounts().signUp(email, password)
  let challenged = 0
  const counting: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (response.status === 403) challenged++
    return response
  }
  for (let tries = 0; tries < 5; tries++) {
    assert.equal((await weakly.signIn(service.address, email, other)).status, 0)
  }
  await assert.rejects(signIn(email, other, accounts(counting)), failed('SIGN_IN_FAILED'))
  assert.equal(challenged, 1)
  await signIn(email, password, accounts(counting))
  assert.equal(challenged, 2)
  await signIn(email, password, accounts(counting))
  assert.equal(challenged, 2, 'the right password washed the account clean')
})

test('pro asks for an authenticator; its codes work once, its recovery codes too', async () => {
  const email = someone()
  await accounts().signUp(email, password)
  const { user_id } = (await signIn(email, password)).tokens
  await withClient(database.adminUrl, (client) =>
    client.query(`UPDATE srv_accounts SET tier = 'pro' WHERE user_id = $1`, [user_id]),
  )
  const half = async () => {
    const result = await accounts().signIn(email, password, 'phone')
    if (result.outcome === 'signed-in') throw new Error('no second factor was asked for')
    return result
  }
  const post = async (path: string, body: unknown) => {
    const response = await fetch(service.address + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: await response.text() }
  }
  const first = await half()
  assert.deepEqual([first.needed.code, first.needed.methods], ['SECOND_FACTOR_SETUP_NEEDED', []])
  const { ticket } = first.needed
  const offered = await post('/auth/second-factor/totp', { ticket })
  const secret = /"secret":"(\w+)"/.exec(offered.body)?.[1] ?? ''
  const codeNow = () => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: clock.ms })
  const confirmed = await post('/auth/second-factor/totp/confirm', { ticket, code: codeNow() })
  const recoveryCodes = confirmed.body.match(/[0-9a-f]{5}(-[0-9a-f]{5}){3}/g) ?? []
  assert.equal(recoveryCodes.length, 10)
  assert.equal((await first.goOn()).tokens.tier, 'pro')

  const second = await half()
  assert.deepEqual(second.needed.methods, ['totp', 'recovery_code'])
  assert.equal((await post('/auth/second-factor/totp', { ticket: second.needed.ticket })).status, 401, 'not replaced')
  await assert.rejects(second.goOn('totp', codeNow()), failed('SIGN_IN_FAILED'), 'the code was used')
  clock.ms += minute
  assert.ok((await second.goOn('totp', codeNow())).masterKey)
  await assert.rejects(second.goOn('totp', codeNow()), failed('SIGN_IN_FAILED'), 'the ticket was used')

  const [code = ''] = recoveryCodes
  assert.ok(await (await half()).goOn('recovery_code', code))
  await assert.rejects((await half()).goOn('recovery_code', code), failed('SIGN_IN_FAILED'))
  const stored = await withClient(database.adminUrl, (client) =>
    client.query('SELECT sealed_secret FROM srv_totp_secrets WHERE user_id = $1', [user_id]),
  )
  assert.ok(!String(stored.rows[0]?.sealed_secret).includes(secret))
})

test('a device stays signed in by refreshing, survives a lost answer, and learns that its session was ended', async () => {
  const email = someone()
  await accounts().signUp(email, password)
  const { tokens } = await signIn(email, password)
  let kept: KeptSession | undefined
  const store: SessionStore = {
    read: async () => kept,
    write: async (session) => {
      kept = session
    },
  }
  await keepSession(store, tokens)
  let lose = true
  const losing: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (!lose) return response
    lose = false
    throw new TypeError('the connection broke off')
  }
  const sleepless = { now: () => clock.ms, sleep: async () => undefined }
  const options = { address: () => service.address, fetch: losing, clock: sleepless }
  const session = createSessionTokens(store, options)
  const [one, same] = await Promise.all([session.token(), session.token()])
  assert.equal(one, same)
  clock.ms += 59.5 * minute
  assert.notEqual(await session.token(), one)
  await fetch(`${service.address}/auth/sessions/${tokens.session_id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${await session.token()}` },
  })
  session.renew()
  await assert.rejects(session.token(), failed('SESSION_ENDED'))
  assert.equal(kept, undefined)
})

test('a session ends after 30 days however often it was refreshed, and after 7 days of silence', async () => {
  const day = 24 * 60 * minute
  const start = clock.ms
  const post = async (refresh_token: string) => {
    const response = await fetch(`${service.address}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ grant_type: 'refresh_token', refresh_token }),
    })
    const text = await response.text()
    return { status: response.status, next: /"refresh_token":"([\w-]+)"/.exec(text)?.[1] ?? '' }
  }
  const email = someone()
  await weakly.signUp(service.address, email, password)
  const begin = async () => String((await weakly.signIn(service.address, email, password)).body['refresh_token'])
  const silent = await begin()
  let current = await begin()
  for (let days = 6; days < 30; days += 6) {
    clock.ms = start + days * day
    const { status, next } = await post(current)
    assert.equal(status, 200, `${days} days`)
    current = next
    if (days > 7) assert.equal((await post(silent)).status, 401)
  }
  clock.ms = start + 30 * day
  assert.equal((await post(current)).status, 401)
  clock.ms = start
})

test('neither the log nor the database holds what must not be there', async () => {
  const email = someone()
  await accounts().signUp(email, password)
  const { tokens, masterKey } = await signIn(email, password)
  const planted = 'Zyprexal-7731'
  const refusals = await Promise.all(
    [
      ['/auth/sign-in/start', { email: `${planted}@example.test`, login_request: planted }],
      ['/auth/sign-up', { email: planted, [planted]: planted }],
      ['/auth/token', { grant_type: planted }],
      ['/auth/token', { grant_type: 'refresh_token', refresh_token: planted }],
      ['/auth/recovery', { email: `${planted}@example.test`, proof: planted }],
      [`/auth/${planted}`, planted],
    ].map(async ([path, body]) => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
      return (await fetch(`${service.address}${String(path)}`, init)).text()
    }),
  )
  const metrics = await (await fetch(`${service.address}/metrics`)).text()
  for (const text of [...refusals, metrics, JSON.stringify(service.log)]) assert.ok(!text.includes(planted))
  const log = JSON.stringify(service.log)
  for (const secret of [email, password, tokens.access_token, tokens.refresh_token]) assert.ok(!log.includes(secret))
  await withClient(database.adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`,
    )
    const hex = Buffer.from(masterKey).toString('hex')
    for (const { name } of rows) {
      const all = await client.query<{ text: string }>(`SELECT t::text AS text FROM public.${name} AS t`)
      const text = all.rows.map((row) => row.text).join('\n')
      for (const secret of [password, tokens.refresh_token, hex]) assert.ok(!text.includes(secret), name)
    }
  })
  assert.notDeepEqual(masterKey, createMasterKey())
})

test('the API’s role reads none of the tables of accounts, and accounts none of what is synced', async () => {
  const tablesOf = (role: string) =>
    withClient(database.adminUrl, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
         AND (has_any_column_privilege($1, oid, 'SELECT') OR has_table_privilege($1, oid, 'SELECT'))`,
        [role],
      )
      return rows.map(({ name }) => name).toSorted()
    })
  const [api, own] = [await tablesOf('medtime_api'), await tablesOf('medtime_accounts')]
  // Nobody's data either of them; of the jobs, accounts have their own row alone.
  assert.deepEqual(
    own.filter((name) => api.includes(name)),
    ['srv_jobs', 'srv_sync_epoch'],
  )
  await withClient(database.roleUrl('medtime_accounts'), async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM public.srv_jobs WHERE name <> 'audit-anchor'`,
    )
    assert.deepEqual(rows, [])
  })
  assert.ok(own.length >= 14)
})
