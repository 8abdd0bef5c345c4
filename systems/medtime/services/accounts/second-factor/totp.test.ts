import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret, TOTP } from 'otpauth'
import { newTotpSecret, totpStep, totpUri } from './totp.ts'

const now = Date.UTC(2026, 0, 1, 12, 0, 7)
const step = Math.floor(now / 30_000)

test('a code is good in its step and the ones beside it, and once', () => {
  const secret = newTotpSecret()
  const at = (ms: number) => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: ms })
  assert.equal(totpStep(secret, at(now), 0, now), step)
  assert.equal(totpStep(secret, at(now - 30_000), 0, now), step - 1)
  assert.equal(totpStep(secret, at(now - 90_000), 0, now), undefined)
  assert.equal(totpStep(secret, at(now), step, now), undefined, 'used')
  assert.equal(totpStep(secret, at(now - 30_000), step, now), undefined, 'older than one that was used')
  assert.equal(totpStep(newTotpSecret(), at(now), 0, now), undefined, 'of another secret')
})

test('the code is the one of RFC 6238', () => {
  const secret = Secret.fromUTF8('12345678901234567890').base32
  assert.equal(totpStep(secret, '287082', 0, 59_000), 1)
  assert.equal(totpStep(secret, '005924', 0, 1_234_567_890_000), 41_152_263)
})

test('the address for an authenticator names the service and the account', () => {
  assert.match(
    totpUri('JBSWY3DPEHPK3PXP', 'ana@example.test'),
    /^otpauth:\/\/totp\/MedTime:ana%40example\.test\?.*secret=JBSWY3DPEHPK3PXP/,
  )
})
