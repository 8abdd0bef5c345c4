import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '../http/api-error.ts'
import { recentSeconds, requireRecentSignIn } from './recent-sign-in.ts'

const now = Date.UTC(2026, 0, 1)
const identity = { user: '00000000-0000-4000-8000-000000000001', tier: 'free' } as const
const needed = (error: unknown) => error instanceof ApiError && error.code === 'RECENT_SIGN_IN_NEEDED'

test('a sign-in is recent to the end of five minutes, and no longer', () => {
  requireRecentSignIn({ ...identity, authenticatedAt: now }, now)
  requireRecentSignIn({ ...identity, authenticatedAt: now - recentSeconds * 1_000 }, now)
  assert.throws(() => requireRecentSignIn({ ...identity, authenticatedAt: now - 300_001 }, now), needed)
})

test('a token that does not say when its person signed in is not recent', () => {
  assert.throws(() => requireRecentSignIn(identity, now), needed)
})
