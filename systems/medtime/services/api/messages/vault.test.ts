import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { readMessagesSettings } from './settings.ts'
import { createVault } from './vault.ts'

const key = randomBytes(32)
const vault = createVault(key)

test('what is sealed opens at its place under its key, and nowhere else, and not when a bit of it is changed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.nat(), (text, place, at) => {
      const sealed = vault.seal(text, place)
      assert.equal(createVault(key).open(sealed, place), text)
      assert.throws(() => vault.open(sealed, `${place}.`))
      assert.throws(() => createVault(randomBytes(32)).open(sealed, place))
      const changed = Buffer.from(sealed)
      const index = at % changed.length
      changed[index] = (changed[index] ?? 0) ^ 1
      assert.throws(() => vault.open(changed, place))
      assert.throws(() => vault.open(sealed.subarray(0, -1), place))
    }),
    { numRuns: 50 },
  )
})

test('the same text is sealed differently each time, and hashed the same under one key only', () => {
  assert.notDeepEqual(vault.seal('x', 'p'), vault.seal('x', 'p'))
  assert.deepEqual(vault.hash('x'), createVault(key).hash('x'))
  assert.notDeepEqual(vault.hash('x'), createVault(randomBytes(32)).hash('x'))
})

test('only what names itself a development gets the key that everybody knows', () => {
  for (const environment of [{}, { AVAL_ENVIRONMENT: 'production' }, { AVAL_ENVIRONMENT: 'staging' }]) {
    assert.deepEqual(readMessagesSettings(environment), { vault: undefined, webhook: undefined })
  }
  assert.ok(readMessagesSettings({ AVAL_ENVIRONMENT: 'development' }).vault)
})

test('a malformed setting is named, and its value is not told', () => {
  assert.throws(
    () => readMessagesSettings({ MESSAGES_KEY: 'a secret', MESSAGES_WEBHOOK_ORIGIN: 'https://x/' }),
    (error) =>
      error instanceof Error &&
      /MESSAGES_KEY, MESSAGES_WEBHOOK_ORIGIN/.test(error.message) &&
      !/secret/.test(error.message),
  )
})
