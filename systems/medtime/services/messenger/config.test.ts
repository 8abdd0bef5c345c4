import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMessengerConfig } from './config.ts'

const sound = {
  PORT: '4713',
  DATABASE_URL: 'postgresql://messenger:secret@localhost/medtime',
  MESSAGES_KEY: '11'.repeat(32),
}
const twilio = {
  TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
  TWILIO_PASSWORD: 'another secret',
  TWILIO_NUMBERS: '+15005550006,+15005550007',
  MESSAGES_WEBHOOK_ORIGIN: 'https://api.medtime.app',
}

test('a key and a database are enough, and then nothing is sent outside development', () => {
  const { fcm, twilio: sms, folder } = readMessengerConfig({ ...sound, AVAL_ENVIRONMENT: 'production' })
  assert.deepEqual([fcm, sms, folder], [undefined, undefined, undefined])
  assert.ok(readMessengerConfig({ ...sound, AVAL_ENVIRONMENT: 'development' }).folder)
})

test('without a key it starts in development alone', () => {
  const { MESSAGES_KEY: _, ...without } = sound
  assert.ok(readMessengerConfig({ ...without, AVAL_ENVIRONMENT: 'scratch' }).vault)
  for (const environment of [{}, { AVAL_ENVIRONMENT: 'production' }]) {
    assert.throws(() => readMessengerConfig({ ...without, ...environment }), /MESSAGES_KEY/)
  }
})

test('the account itself signs in where no API key is told', () => {
  assert.equal(readMessengerConfig({ ...sound, ...twilio }).twilio?.account.user, twilio.TWILIO_ACCOUNT_SID)
  assert.equal(readMessengerConfig({ ...sound, ...twilio, TWILIO_USER: 'SK1' }).twilio?.account.user, 'SK1')
})

test('what is in the way is named, and no value is told', () => {
  for (const [change, named] of [
    [{ TWILIO_PASSWORD: undefined }, /TWILIO_PASSWORD/],
    [{ TWILIO_NUMBERS: '5551234' }, /TWILIO_NUMBERS/],
    [{ MESSAGES_LINK_ORIGIN: 'http://secret.example' }, /MESSAGES_LINK_ORIGIN/],
    [{ FCM_ACCOUNT_FILE: '/nowhere/secret.json' }, /FCM_ACCOUNT_FILE/],
    [{ DATABASE_URL: 'mysql://secret@localhost' }, /DATABASE_URL/],
  ] as const) {
    assert.throws(
      () => readMessengerConfig({ ...sound, ...twilio, ...change }),
      (error) => error instanceof Error && named.test(error.message) && !/secret|555/.test(error.message),
    )
  }
})
