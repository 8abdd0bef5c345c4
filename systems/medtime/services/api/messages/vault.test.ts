import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { readMessagesSettings } from './settings.ts'
import { createVault, messagesNamesKey } from './vault.ts'

const key = randomBytes(32)
const under = (...keys: [Buffer, ...Buffer[]]) => createVault({ keys, names: undefined })
const vault = under(key)

test('what is sealed opens at its place under its key, and nowhere else, and not when a bit of it is changed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.nat(), (text, place, at) => {
      const sealed = vault.seal(text, place)
      assert.equal(under(key).open(sealed, place), text)
      assert.throws(() => vault.open(sealed, `${place}.`))
      assert.throws(() => under(randomBytes(32)).open(sealed, place))
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
  assert.deepEqual(vault.hash('x'), under(key).hash('x'))
  assert.notDeepEqual(vault.hash('x'), under(randomBytes(32)).hash('x'))
})

test('the first key of a ring seals, and every one opens', () => {
  const next = randomBytes(32)
  assert.equal(under(next, key).open(vault.seal('x', 'p'), 'p'), 'x')
  const present = under(next, key).seal('x', 'p')
  assert.equal(under(next).open(present, 'p'), 'x')
  assert.throws(() => vault.open(present, 'p'))
  const handedOn = createVault({ keys: [next], names: messagesNamesKey(key) })
  assert.deepEqual(handedOn.hash('x'), vault.hash('x'))
})

test('several keys need one that names are hashed with', () => {
  const MESSAGES_KEY = `${'11'.repeat(32)},${'22'.repeat(32)}`
  assert.throws(() => readMessagesSettings({ MESSAGES_KEY }), /MESSAGES_NAMES_KEY is needed/)
  assert.ok(readMessagesSettings({ MESSAGES_KEY, MESSAGES_NAMES_KEY: '33'.repeat(32) }).vault)
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
