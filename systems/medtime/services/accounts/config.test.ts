import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from './config.ts'

const sound = { PORT: '4712', DATABASE_URL: 'postgresql://accounts:secret@localhost/medtime' }
const key = Buffer.alloc(32, 3).toString('base64')
const google = { name: 'google', issuer: 'https://accounts.google.com', audience: ['app'] }

test('what is in the way is named, and no value is told', () => {
  assert.throws(
    () => readConfig({ ...sound, PORT: 'x', ACCOUNTS_KEY: 'secret', IDENTITY_PROVIDERS: '{"secret"' }),
    (error) =>
      error instanceof Error &&
      /PORT, ACCOUNTS_KEY, IDENTITY_PROVIDERS/.test(error.message) &&
      !/secret/.test(error.message),
  )
})

test('in production the key is given, providers are asked over https, and nobody vouches for whomever they are asked to', () => {
  const production = { ...sound, AVAL_ENVIRONMENT: 'production', ACCOUNTS_KEY: key }
  assert.deepEqual(readConfig(production).sealing, { keys: [Buffer.alloc(32, 3)], names: undefined })
  assert.throws(() => readConfig({ ...sound, AVAL_ENVIRONMENT: 'production' }), /ACCOUNTS_KEY/)
  assert.throws(() => readConfig({ ...production, ISSUER_URL: 'https://issuer.example.test' }), /ISSUER_URL/)
  const listed = (provider: unknown) => ({ ...production, IDENTITY_PROVIDERS: JSON.stringify([provider]) })
  assert.deepEqual(readConfig(listed(google)).providers, [google])
  assert.throws(() => readConfig(listed({ ...google, issuer: 'http://accounts.google.com' })), /IDENTITY_PROVIDERS/)
  assert.throws(() => readConfig(listed({ ...google, audience: [] })), /IDENTITY_PROVIDERS/)
  assert.throws(() => readConfig({ ...production, LIMITS_EXEMPT: '0.0.0.0/0' }), /LIMITS_EXEMPT/)
})

test('in development the issuer of the provers is a provider', () => {
  const { providers } = readConfig({ ...sound, ISSUER_URL: 'http://localhost:4710/' })
  assert.deepEqual(
    providers.map(({ name, jwks_uri }) => [name, jwks_uri]),
    [['development', 'http://localhost:4710/.well-known/jwks.json']],
  )
})
