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

test('in production keys are not fetched in clear', () => {
  assert.throws(() => readConfig({ ...sound, AVAL_ENVIRONMENT: 'production' }), /ISSUER_URL/)
  assert.ok(readConfig({ ...sound, AVAL_ENVIRONMENT: 'production', ISSUER_URL: 'https://auth.medtime.app' }))
})
