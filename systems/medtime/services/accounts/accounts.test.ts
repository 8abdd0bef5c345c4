import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { client, ready } from '@serenity-kit/opaque'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { z } from 'zod'
import { withClient } from '../../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../../src/postgres/database.ts'
import { startAccounts, type TestAccounts, tokenAudience, tokenIssuer } from '../../test/accounts.ts'
import { migrate, startTestServer, type TestServer } from '../../test/database.ts'
import * as weakly from '../../test/weakly-stretched.ts'
import { openDatabase } from '../api/database.ts'
import { requestCounter } from './limits/request-counter.ts'

let server: TestServer
let database: PreparedDatabase
let accounts: TestAccounts
let other: TestAccounts
const clock = { ms: Date.now() }

before(async () => {
  server = await startTestServer()
  database = await server.createDatabase('accounts')
  await migrate(database.ownerUrl)
  const url = database.roleUrl('medtime_accounts')
  accounts = await startAccounts(url, () => clock.ms)
  other = await startAccounts(url, () => clock.ms)
  await ready
})
after(async () => {
  await Promise.all([accounts?.stop(), other?.stop()])
  await server?.stop()
})

const post = (path: string, body: unknown, on = accounts) => weakly.post(on.address, path, body)
const signUp = (email: string, password: string) => weakly.signUp(accounts.address, email, password)
const signIn = (email: string, password: string, device = 'phone', on = accounts) =>
  weakly.signIn(on.address, email, password, device)

test('who signed up signs in with the password, on any instance, and gets tokens with the agreed claims', async () => {
  assert.deepEqual(await signUp('Ana@Example.test', 'a password of hers'), { status: 200, body: {} })
  const { status, body } = await signIn(' ana@example.TEST', 'a password of hers', 'phone', other)
  assert.equal(status, 200)
  assert.equal(body['wrapped_master_key'], Buffer.from('key of Ana@Example.test').toString('base64'))
  const keys = createRemoteJWKSet(new URL(`${accounts.address}/.well-known/jwks.json`))
  const { payload, protectedHeader } = await jwtVerify(String(body['access_token']), keys, {
    algorithms: ['RS256'],
    issuer: tokenIssuer,
    audience: tokenAudience,
    currentDate: new Date(clock.ms),
  })
  const { iat, ...claims } = payload
  assert.deepEqual(claims, {
    sub: body['user_id'],
    email: 'ana@example.test',
    tier: 'free',
    sid: body['session_id'],
    auth_time: iat,
    iss: tokenIssuer,
    aud: tokenAudience,
    exp: (iat ?? 0) + 3_600,
  })
  assert.equal(protectedHeader.alg, 'RS256')
})

test('another password does not open the account, and signing up again does not take it over', async () => {
  await signUp('bea@example.test', 'the first password')
  assert.deepEqual(await signUp('bea@example.test', 'the second password'), { status: 200, body: {} })
  assert.equal((await signIn('bea@example.test', 'the second password')).status, 0, 'the client sees it by itself')
  assert.equal((await signIn('bea@example.test', 'the first password')).status, 200)
})

test('the first message of a sign-up is of no use for guessing at the password of an account that exists', async () => {
  await signUp('cid@example.test', 'a password of his')
  const { registrationRequest } = client.startRegistration({ password: 'a guess' })
  const evaluate = async () => {
    const { body } = await post('/auth/sign-up/start', {
      email: 'cid@example.test',
      registration_request: registrationRequest,
    })
    return body['registration_response']
  }
  assert.notEqual(await evaluate(), await evaluate(), 'each under a key of its own')
})

test('who begins to sign in twice with the same message sees the same evaluation, with and without an account', async () => {
  await signUp('dan@example.test', 'a password of his')
  const { startLoginRequest } = client.startLogin({ password: 'a guess' })
  for (const email of ['dan@example.test', 'nobody@example.test']) {
    const evaluate = async () => {
      const { body } = await post('/auth/sign-in/start', { email, login_request: startLoginRequest })
      // RFC 9807 §6.1: the evaluated element comes first; what follows is masked anew each time.
      return Buffer.from(String(body['login_response']), 'base64url')
    }
    const [one, two] = [await evaluate(), await evaluate()]
    assert.deepEqual(one.subarray(0, 32), two.subarray(0, 32), email)
    assert.notDeepEqual(one.subarray(32), two.subarray(32), email)
  }
})

test('a sign-in that was begun is worth one try, and nothing after two minutes or a change of the password', async () => {
  await signUp('eve@example.test', 'a password of hers')
  const begin = async () => {
    const { clientLoginState, startLoginRequest } = client.startLogin({ password: 'a password of hers' })
    const { body } = await post('/auth/sign-in/start', { email: 'eve@example.test', login_request: startLoginRequest })
    const loginResponse = String(body['login_response'])
    const done = client.finishLogin({
      password: 'a password of hers',
      clientLoginState,
      loginResponse,
      keyStretching: weakly.keyStretching,
    })
    const finish = { grant_type: 'opaque', attempt_id: body['attempt_id'], device_id: 'phone' }
    return { ...finish, finish_request: done?.finishLoginRequest }
  }
  const once = await begin()
  assert.equal((await post('/auth/token', once)).status, 200)
  assert.equal((await post('/auth/token', once)).body['code'], 'SIGN_IN_FAILED')
  const before = await begin()
  await withClient(database.adminUrl, (admin) =>
    admin.query(`UPDATE srv_account_passwords AS p SET registration_record = 'another' FROM srv_accounts AS a
      WHERE a.user_id = p.user_id AND a.email = 'eve@example.test'`),
  )
  assert.equal((await post('/auth/token', before)).body['code'], 'SIGN_IN_FAILED')
  await withClient(database.adminUrl, (admin) =>
    admin.query(`DELETE FROM srv_users USING srv_accounts AS a
      WHERE a.user_id = srv_users.user_id AND a.email = 'eve@example.test'`),
  )
  await signUp('eve@example.test', 'a password of hers')
  const late = await begin()
  clock.ms += 121_000
  assert.equal((await post('/auth/token', late)).body['code'], 'SIGN_IN_FAILED')
})

test('keys change without a token being refused: the next is published before it signs, the last until its tokens ended', async () => {
  await signUp('fay@example.test', 'a password of hers')
  const hour = 3_600_000
  const start = clock.ms
  const kids = async (on: TestAccounts) => {
    const response = await fetch(`${on.address}/.well-known/jwks.json`)
    const { keys } = z.object({ keys: z.array(z.object({ kid: z.string() })) }).parse(await response.json())
    return keys.map(({ kid }) => kid)
  }
  const kidOf = (token: unknown) =>
    z
      .object({ kid: z.string() })
      .parse(JSON.parse(Buffer.from(String(token).split('.')[0] ?? '', 'base64url').toString())).kid
  const [first] = await kids(accounts)
  let signed = 0
  const signers = new Set<string>()
  for (let hours = 0; hours < 40 * 24; hours += 23) {
    clock.ms = start + hours * hour
    const published = await kids(other)
    const { body } = await signIn('fay@example.test', 'a password of hers')
    const kid = kidOf(body['access_token'])
    assert.ok(published.includes(kid), 'who fetched the keys just before knows the one that signed')
    signers.add(kid)
    clock.ms += hour - 1_000
    assert.ok((await kids(other)).includes(kid), 'and it is known as long as its token lives')
    signed++
  }
  assert.ok(signed > 40)
  assert.equal(signers.size, 2)
  assert.ok(!(await kids(other)).includes(first ?? ''), 'the first is gone')
  const stored = await withClient(database.adminUrl, (admin) =>
    admin.query('SELECT sealed_private_key FROM srv_signing_keys'),
  )
  for (const { sealed_private_key } of stored.rows) assert.ok(!String(sealed_private_key).includes('PRIVATE KEY'))
  clock.ms = start
})

test('two instances refresh one token at once: one wins, and the session of the other ends', async () => {
  await signUp('gus@example.test', 'a password of his')
  const { body } = await signIn('gus@example.test', 'a password of his')
  const refresh = { grant_type: 'refresh_token', refresh_token: body['refresh_token'] }
  const answers = await Promise.all([post('/auth/token', refresh), post('/auth/token', refresh, other)])
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 401])
  const won = answers.find(({ status }) => status === 200)
  const next = { grant_type: 'refresh_token', refresh_token: won?.body['refresh_token'] }
  assert.equal((await post('/auth/token', next)).body['code'], 'SESSION_ENDED')
})

test('a restore ends every session: one that was ended since would go on', async () => {
  await signUp('hal@example.test', 'a password of his')
  const { body } = await signIn('hal@example.test', 'a password of his')
  await withClient(database.ownerUrl, (owner) => owner.query('SELECT srv_raise_epoch()'))
  const refresh = { grant_type: 'refresh_token', refresh_token: body['refresh_token'] }
  assert.equal((await post('/auth/token', refresh)).body['code'], 'SESSION_ENDED')
  assert.equal((await signIn('hal@example.test', 'a password of his')).status, 200)
})

test('two instances together let exactly as many requests pass as the limit says, in any minute', async () => {
  const options = { poolSize: 3, onStatement: () => undefined, onLostConnection: () => undefined }
  const pools = [1, 2].map(() => openDatabase({ url: database.roleUrl('medtime_accounts'), ...options }))
  const counters = pools.map(requestCounter)
  const buckets = [
    { key: 'address:one', allowed: 100, windowMs: 60_000 },
    { key: 'auth:one', allowed: 20, windowMs: 60_000 },
  ]
  const take = (ms: number) =>
    Promise.all(counters.flatMap((each) => Array.from({ length: 15 }, () => each.take(buckets, ms))))
  const taken = await take(clock.ms)
  assert.equal(taken.filter(({ allowed }) => allowed).length, 20)
  const [address, own] = taken.find(({ allowed }) => !allowed)?.counts ?? []
  assert.deepEqual([address?.used, address?.freesMs, own?.used], [20, 0, 20])
  assert.ok(own && own.freesMs > 0 && own.freesMs <= 60_000)
  assert.equal((await take(clock.ms + 58_000)).filter(({ allowed }) => allowed).length, 0)
  assert.equal((await take(clock.ms + 61_000)).filter(({ allowed }) => allowed).length, 20)
  await Promise.all(pools.map((pool) => pool.close()))
})
