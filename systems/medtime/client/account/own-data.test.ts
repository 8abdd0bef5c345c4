import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { memoryStore } from '../local-store.ts'
import { createOwnData } from './own-data.ts'
import type { SessionStore } from './session-tokens.ts'

const session = { token: async () => 'a.b.c', renew: () => undefined }
const address = 'http://server.test'
const signInAgain = () => Promise.reject(new Error('the person was asked'))
/** What an app without types may hand over. */
const untyped = z.custom<SessionStore>()

test('the store of the entities is refused as the keychain before the person is asked to sign in', () => {
  for (const wrong of [memoryStore(), undefined, { read: async () => undefined }]) {
    const keychain = untyped.parse(wrong)
    assert.throws(() => createOwnData({ address, session, keychain, signInAgain }), /keychain must be/)
  }
})

test('what keeps a session is taken', () => {
  const keychain: SessionStore = { read: async () => undefined, write: async () => undefined }
  assert.ok(createOwnData({ address, session, keychain, signInAgain }))
})
