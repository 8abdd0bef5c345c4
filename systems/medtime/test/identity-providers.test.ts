import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { after, before, test } from 'node:test'
import { SignJWT } from 'jose'
import { z } from 'zod'
import { startAccounts, type TestAccounts } from './accounts.ts'
import { migrate, startTestServer, type TestServer } from './database.ts'
import { clientId, type IdentityProvider, startIdentityProvider } from './identity-provider.ts'

let server: TestServer
let provider: IdentityProvider
let service: TestAccounts
let keys: Server
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

before(async () => {
  server = await startTestServer()
  const database = await server.createDatabase('providers')
  await migrate(database.ownerUrl)
  provider = await startIdentityProvider()
  keys = createServer((_request, response) => {
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'project', alg: 'ES256', use: 'sig' }
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  }).listen(0, '127.0.0.1')
  await once(keys, 'listening')
  const address = keys.address()
  const jwks_uri = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/jwks.json`
  service = await startAccounts(database.roleUrl('medtime_accounts'), () => Date.now(), {
    providers: [
      { name: 'local', issuer: provider.issuer, audience: [clientId] },
      // As a Supabase project signs: keys by address, the second factor as a level, the tier as a claim of the project.
      {
        name: 'supabase',
        issuer: 'https://project.supabase.co/auth/v1',
        audience: ['authenticated'],
        jwks_uri,
        tier_claim: 'tier',
        second_factor: { claim: 'aal', value: 'aal2' },
      },
    ],
  })
})
after(async () => {
  await service?.stop()
  keys?.close()
  await provider?.stop()
  await server?.stop()
})

async function exchange(id_token: string, name = 'local') {
  const response = await fetch(`${service.address}/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ grant_type: 'id_token', provider: name, id_token, device_id: 'phone' }),
  })
  return { status: response.status, body: z.record(z.string(), z.unknown()).parse(await response.json()) }
}

const project = (claims: Record<string, unknown>, key = privateKey) =>
  new SignJWT({ email: 'ana@example.test', role: 'authenticated', aal: 'aal1', ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'project' })
    .setIssuer('https://project.supabase.co/auth/v1')
    .setAudience('authenticated')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(key)

test('whom a real provider signed in gets tokens, and is the same person the next time', async () => {
  const first = await exchange(await provider.idToken('ana'))
  assert.equal(first.status, 200)
  assert.deepEqual([first.body['tier'], first.body['wrapped_master_key']], ['free', undefined])
  const second = await exchange(await provider.idToken('ana'))
  assert.equal(second.body['user_id'], first.body['user_id'])
  const bob = await exchange(await provider.idToken('bob'))
  assert.notEqual(bob.body['user_id'], first.body['user_id'])
})

test('an ID token is taken once, of its own provider, for this app, unchanged, with an e-mail the provider has verified', async () => {
  const token = await provider.idToken('carla')
  assert.equal((await exchange(token, 'supabase')).body['code'], 'SIGN_IN_FAILED')
  assert.equal((await exchange(token, 'nobody')).body['code'], 'SIGN_IN_FAILED')
  assert.equal((await exchange(`${token.slice(0, -4)}AAAA`)).body['code'], 'SIGN_IN_FAILED')
  assert.equal((await exchange(token)).status, 200)
  assert.equal((await exchange(token)).body['code'], 'SIGN_IN_FAILED', 'again')
  assert.equal((await exchange(await provider.idToken('unverified-dan'))).body['code'], 'SIGN_IN_FAILED')
})

test('the same e-mail at two providers is two people: whoever controls one must not be let into the other', async () => {
  const [here, there] = [
    await exchange(await provider.idToken('ana')),
    await exchange(await project({ sub: 'ana' }), 'supabase'),
  ]
  assert.deepEqual([here.status, there.status], [200, 200])
  assert.notEqual(here.body['user_id'], there.body['user_id'])
})

test('a provider that keeps tiers tells them, and whether it asked for a second factor', async () => {
  const sub = randomUUID()
  const half = await exchange(await project({ sub, tier: 'pro' }), 'supabase')
  assert.equal(half.body['code'], 'SECOND_FACTOR_SETUP_NEEDED')
  const whole = await exchange(await project({ sub, tier: 'pro', aal: 'aal2' }), 'supabase')
  assert.deepEqual([whole.status, whole.body['tier']], [200, 'pro'])
  const lapsed = await exchange(await project({ sub, tier: 'free', jti: 'later' }), 'supabase')
  assert.deepEqual([lapsed.status, lapsed.body['tier']], [200, 'free'])
})

test('a token of an unknown key, an old one and one without an e-mail are refused', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const old = Math.floor(Date.now() / 1000) - 3_700
  for (const token of [
    await project({ sub: 'ana' }, other),
    await project({ sub: 'ana', email: undefined }),
    await new SignJWT({ sub: 'ana', email: 'ana@example.test' })
      .setProtectedHeader({ alg: 'ES256', kid: 'project' })
      .setIssuer('https://project.supabase.co/auth/v1')
      .setAudience('authenticated')
      .setIssuedAt(old)
      .setExpirationTime(old + 86_400)
      .sign(privateKey),
  ]) {
    assert.equal((await exchange(token, 'supabase')).body['code'], 'SIGN_IN_FAILED')
  }
})

test('somebody without a password leaves the master key wrapped by a recovery code, which nobody replaces afterwards', async () => {
  const { body } = await exchange(await provider.idToken('elsa'))
  const ask = async (method: string, recovery?: Record<string, string>) => {
    const response = await fetch(`${service.address}/auth/recovery`, {
      method,
      headers: { authorization: `Bearer ${String(body['access_token'])}`, 'content-type': 'application/json' },
      ...(recovery === undefined ? {} : { body: JSON.stringify({ recovery }) }),
    })
    return { status: response.status, body: await response.text() }
  }
  const wrapped = Buffer.from('the master key, wrapped').toString('base64')
  const recovery = { proof: Buffer.alloc(32, 1).toString('base64'), wrapped_master_key: wrapped }
  assert.equal((await ask('GET')).status, 404)
  assert.equal((await ask('PUT', recovery)).status, 200)
  assert.deepEqual(await ask('GET'), { status: 200, body: JSON.stringify({ wrapped_master_key: wrapped }) })
  assert.equal((await ask('PUT', recovery)).status, 401)
})
