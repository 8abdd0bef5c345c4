import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { ApiError } from '../http/api-error.ts'
import { createTokenChecker, issuerKeys } from './token.ts'

const { privateKey, publicKey } = await generateKeyPair('RS256')
const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256' }] })
const start = 1_800_000_000
const user = randomUUID()
const claims = { sub: user, email: 'ana@example.test', tier: 'free', iss: 'issuer', aud: 'api', exp: start + 3_600 }

const sign = (changes: Record<string, unknown> = {}) =>
  new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(privateKey)

function checker() {
  const clock = { seconds: start }
  const tokens = createTokenChecker({ keys, issuer: 'issuer', audience: 'api', now: () => clock.seconds * 1_000 })
  return { clock, tokens }
}

const unauthenticated = (error: unknown) => error instanceof ApiError && error.code === 'UNAUTHENTICATED'

test('a sound token tells whose it is', async () => {
  assert.deepEqual(await checker().tokens.check(await sign()), { user, tier: 'free' })
  assert.deepEqual(await checker().tokens.check(await sign({ sub: user.toUpperCase() })), { user, tier: 'free' })
})

test('a token with any claim missing or wrong is refused', async () => {
  for (const change of [
    { sub: undefined },
    { sub: 'not-a-uuid' },
    { email: undefined },
    { tier: 'platinum' },
    { iss: 'somebody' },
    { aud: 'another-api' },
    { exp: undefined },
    { exp: start },
    { nbf: start + 60 },
  ]) {
    await assert.rejects(checker().tokens.check(await sign(change)), unauthenticated, JSON.stringify(change))
  }
})

test('a token that is remembered still expires', async () => {
  const { clock, tokens } = checker()
  const token = await sign({ exp: start + 30 })
  await tokens.check(token)
  clock.seconds += 29
  await tokens.check(token)
  clock.seconds += 1
  await assert.rejects(tokens.check(token), unauthenticated)
})

test('no other algorithm is taken, nor a public key for a secret', async () => {
  const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(publicKey)))
  const symmetric = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(secret)
  const [, payload] = symmetric.split('.')
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
  for (const token of [symmetric, none]) await assert.rejects(checker().tokens.check(token), unauthenticated)
})

test('an issuer that cannot be reached is no fault of the token', async () => {
  const tokens = createTokenChecker({
    keys: issuerKeys(['http://127.0.0.1:9']),
    issuer: 'issuer',
    audience: 'api',
    now: () => start * 1_000,
  })
  await assert.rejects(tokens.check(await sign()), (error) => error instanceof ApiError && error.code === 'UNAVAILABLE')
})
