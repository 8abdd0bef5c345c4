import assert from 'node:assert/strict'
import { createHmac, createSign, generateKeyPairSync, KeyObject, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { ApiError } from '../http/api-error.ts'
import { createTokenChecker, issuerKeys } from './token.ts'

const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
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

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Signed with the issuer's own key, whatever the header and the payload say. */
const signAs = (header: unknown, payload: unknown, key = KeyObject.from(privateKey)) => {
  const signed = `${encode(header)}.${encode(payload)}`
  return `${signed}.${createSign('sha256').update(signed).sign(key).toString('base64url')}`
}
const soundHeader = { alg: 'RS256', kid: 'one' }
const refused = (token: string, message: string) =>
  assert.rejects(checker().tokens.check(token), unauthenticated, message)

test('the attacks below differ from a sound token in one thing only', async () => {
  assert.deepEqual(await checker().tokens.check(signAs(soundHeader, claims)), { user, tier: 'free' })
})

test('an unsigned token is refused, however none is written', async () => {
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', undefined]) {
    const unsigned = `${encode({ ...soundHeader, alg })}.${encode(claims)}.`
    await refused(unsigned, `alg ${alg}`)
    await refused(`${unsigned}AAAA`, `alg ${alg} with a signature`)
  }
  await refused(`${encode(soundHeader)}.${encode(claims)}.`, 'RS256 without a signature')
})

test('the public key is never taken for a shared secret', async () => {
  const object = KeyObject.from(publicKey)
  const pem = object.export({ type: 'spki', format: 'pem' }).toString()
  const secrets = [
    pem,
    pem.trim(),
    object.export({ type: 'pkcs1', format: 'pem' }).toString(),
    object.export({ type: 'spki', format: 'der' }),
    JSON.stringify(await exportJWK(publicKey)),
    String((await exportJWK(publicKey)).n),
    Buffer.from(String((await exportJWK(publicKey)).n), 'base64url'),
    '',
  ]
  for (const [index, secret] of secrets.entries()) {
    for (const [alg, hash] of [
      ['HS256', 'sha256'],
      ['HS512', 'sha512'],
    ] as const) {
      const signed = `${encode({ ...soundHeader, alg })}.${encode(claims)}`
      await refused(`${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`, `${alg} ${index}`)
    }
  }
})

test('another algorithm of the same key is refused', async () => {
  for (const alg of ['RS384', 'RS512', 'PS256', 'ES256', 'EdDSA']) {
    await refused(signAs({ ...soundHeader, alg }, claims), alg)
  }
})

test('a key the token brings along, or says where to find, is not used', async () => {
  const evil = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...evil.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256' }
  const der = evil.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  let fetched = 0
  const lure = createServer((_request, response) => {
    fetched++
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  }).listen(0, '127.0.0.1')
  await once(lure, 'listening')
  const address = lure.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/jwks.json`
  for (const header of [
    { ...soundHeader, jwk },
    { alg: 'RS256', jwk },
    { ...soundHeader, jku: url },
    { alg: 'RS256', jku: url, kid: 'two' },
    { ...soundHeader, x5u: url },
    { ...soundHeader, x5c: [der] },
    { alg: 'RS256', x5c: [der], x5t: 'AAAA' },
    { ...soundHeader, kid: '../../../../dev/null' },
    { ...soundHeader, kid: "one' OR '1'='1" },
    { ...soundHeader, crit: ['jwk'], jwk },
  ]) {
    await refused(signAs(header, claims, evil.privateKey), JSON.stringify(header).slice(0, 60))
  }
  assert.equal(fetched, 0, 'nothing was asked for keys')
  lure.close()
})

test('a token of another issuer or for another audience is refused, also among sound ones', async () => {
  for (const change of [
    { iss: 'https://issuer.example.test' },
    { iss: 'issuer/' },
    { iss: ['issuer'] },
    { aud: 'another-api' },
    { aud: [] },
    { aud: ['another-api', 'one-more'] },
    { aud: { api: true } },
  ]) {
    await refused(signAs(soundHeader, { ...claims, ...change }), JSON.stringify(change))
  }
})

test('a token out of its time is refused, and one whose times are no numbers', async () => {
  for (const change of [
    { exp: start },
    { exp: start - 1 },
    { exp: -1 },
    { exp: 0 },
    { exp: String(start + 3_600) },
    { exp: null },
    { exp: '1e999' },
    { nbf: start + 1 },
    { nbf: 'soon' },
    { iat: 'now' },
  ]) {
    await refused(signAs(soundHeader, { ...claims, ...change }), JSON.stringify(change))
  }
  await refused(signAs(soundHeader, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999')), 'an endless one')
})

test('a huge token is refused without being looked at', async () => {
  await refused(signAs(soundHeader, { ...claims, padding: 'x'.repeat(4_096) }), 'sound otherwise')
  await refused(signAs({ ...soundHeader, padding: 'x'.repeat(4_096) }, claims), 'in the header')
  await refused('a.'.repeat(1_000_000), 'many parts')
  await refused(`${'['.repeat(3_000)}.${'['.repeat(500)}.x`, 'deep')
})

test('a token that names a claim twice is refused: who checks might see another than who acts', async () => {
  const text = JSON.stringify(claims)
  const other = randomUUID()
  for (const member of [`"sub":"${other}"`, '"tier":"perfect"', `"exp":${start + 999}`, `"s\\u0075b":"${other}"`]) {
    await refused(signAs(soundHeader, text.replace(/}$/, `,${member}}`)), `${member} at the end`)
    await refused(signAs(soundHeader, text.replace(/^{/, `{${member},`)), `${member} at the beginning`)
  }
  await refused(signAs('{"alg":"none","alg":"RS256","kid":"one"}', claims), 'in the header')
})

test('a token that was changed after it was signed is refused', async () => {
  const [header = '', payload = '', signature = ''] = signAs(soundHeader, claims).split('.')
  const changed = encode({ ...claims, tier: 'perfect' })
  for (const token of [
    `${header}.${changed}.${signature}`,
    `${encode({ ...soundHeader, kid: 'two' })}.${payload}.${signature}`,
    `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
    `${header}.${payload}.${signature}.${signature}`,
    `${header}.${payload}`,
    `${header}..${signature}`,
    `.${payload}.${signature}`,
    '..',
    '',
  ]) {
    await refused(token, token.slice(0, 20))
  }
})

test('a token is taken as long as its session goes on', async () => {
  const session = randomUUID()
  let lives = true
  const clock = { seconds: start }
  const tokens = createTokenChecker({
    keys,
    issuer: 'issuer',
    audience: 'api',
    now: () => clock.seconds * 1_000,
    lives: async () => lives,
  })
  const token = await sign({ sid: session })
  assert.deepEqual(await tokens.check(token), { user, tier: 'free', session })
  lives = false
  clock.seconds += 61
  await assert.rejects(tokens.check(token), unauthenticated)
})

test('keys are looked for at every issuer that is trusted, and one that is down does not keep the other’s tokens out', async () => {
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const up = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  for (const urls of [
    ['http://127.0.0.1:9', up],
    [up, 'http://127.0.0.1:9'],
  ]) {
    const tokens = createTokenChecker({
      keys: issuerKeys(urls),
      issuer: 'issuer',
      audience: 'api',
      now: () => start * 1_000,
    })
    assert.deepEqual(await tokens.check(await sign()), { user, tier: 'free' })
  }
  server.close()
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
