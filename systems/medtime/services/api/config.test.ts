import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from './config.ts'

const sound = {
  PORT: '4711',
  DATABASE_URL: 'postgresql://api:secret@localhost/medtime',
  ISSUER_URL: 'http://localhost:1',
}

test('what is left out has its default', () => {
  const config = readConfig(sound)
  assert.deepEqual(
    [config.host, config.port, config.poolSize, config.tokenIssuer, config.tokenAudience],
    ['127.0.0.1', 4711, 15, 'https://auth.medtime.app', 'medtime-api'],
  )
})

test('what is in the way is named, and no value is told', () => {
  assert.throws(
    () => readConfig({ ...sound, PORT: 'x', DATABASE_URL: 'mysql://api:secret@localhost' }),
    (error) => error instanceof Error && /PORT, DATABASE_URL/.test(error.message) && !/secret/.test(error.message),
  )
})

test('in production keys are those of accounts, and not fetched in clear', () => {
  const { ISSUER_URL: _, ...without } = sound
  const production = { ...without, AVAL_ENVIRONMENT: 'production' }
  assert.throws(() => readConfig(production), /ACCOUNTS_URL/)
  assert.throws(() => readConfig({ ...production, ACCOUNTS_URL: 'http://auth.medtime.app' }), /ACCOUNTS_URL/)
  const url = 'https://auth.medtime.app'
  assert.deepEqual(readConfig({ ...production, ACCOUNTS_URL: `${url}/` }).keyUrls, [url])
  assert.throws(() => readConfig({ ...production, ACCOUNTS_URL: url, ISSUER_URL: url }), /ISSUER_URL/)
})

test('in development the issuer of the provers is trusted beside accounts, and one of them must be named', () => {
  const both = readConfig({ ...sound, ACCOUNTS_URL: 'http://localhost:2' })
  assert.deepEqual(both.keyUrls, ['http://localhost:1', 'http://localhost:2'])
  const { ISSUER_URL: _, ...without } = sound
  assert.throws(() => readConfig(without), /ACCOUNTS_URL or ISSUER_URL/)
})
