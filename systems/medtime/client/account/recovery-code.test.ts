import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  newRecoverySecret,
  readRecoveryCode,
  readRecoverySheet,
  writeRecoveryCode,
  writeRecoverySheet,
} from './recovery-code.ts'

const secrets = fc.uint8Array({ minLength: 16, maxLength: 16 })

test('a code is seven groups of four, and reads back however it is typed', () => {
  fc.assert(
    fc.property(secrets, (secret) => {
      const code = writeRecoveryCode(secret)
      assert.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}$/)
      assert.deepEqual(readRecoveryCode(code), secret)
      assert.deepEqual(readRecoveryCode(code.toLowerCase().replaceAll('-', ' ')), secret)
      assert.deepEqual(readRecoveryCode(code.replaceAll('0', 'O').replaceAll('1', 'l')), secret)
    }),
  )
})

test('a slip of one symbol is seen, but for one in some thousands', () => {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  let slips = 0
  let unseen = 0
  for (let round = 0; round < 20; round++) {
    const code = writeRecoveryCode(newRecoverySecret()).replaceAll('-', '')
    for (let place = 0; place < code.length; place++) {
      const other = alphabet[(alphabet.indexOf(code.charAt(place)) + 1 + round) % 32]
      if (other === code.charAt(place)) continue
      slips++
      if (readRecoveryCode(code.slice(0, place) + other + code.slice(place + 1)) !== undefined) unseen++
    }
  }
  assert.ok(slips > 500)
  assert.ok(unseen <= 4, `${unseen} of ${slips}`)
})

test('what is too short, too long or of other symbols is no code', () => {
  const code = writeRecoveryCode(newRecoverySecret())
  for (const wrong of ['', code.slice(1), `${code}0`, code.replace(/.$/, 'U')]) {
    assert.equal(readRecoveryCode(wrong), undefined)
  }
})

test('a sheet holds the code and the mark, and the code alone is a sheet as well', () => {
  const secret = newRecoverySecret()
  const code = writeRecoveryCode(secret)
  assert.deepEqual(readRecoverySheet(`\n${writeRecoverySheet(code, 'MT1.mark-_7')} `), { secret, mark: 'MT1.mark-_7' })
  for (const typed of [writeRecoverySheet(code, undefined), code.toLowerCase().replaceAll('-', ' ')]) {
    assert.deepEqual(readRecoverySheet(typed), { secret, mark: undefined })
  }
  assert.equal(readRecoverySheet('MT1.mark'), undefined)
  assert.equal(readRecoverySheet(`${code.slice(1)} MT1.mark`), undefined)
})
