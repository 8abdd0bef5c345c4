import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import type { TokenAnswer } from '../client/account/account-wire.ts'
import { createOwnData } from '../client/account/own-data.ts'
import {
  createSessionTokens,
  type KeptSession,
  keepSession,
  type SessionStore,
} from '../client/account/session-tokens.ts'
import { SyncError } from '../client/request.ts'
import { type SessionsStage, startSessionsStage } from './sessions-stage.ts'

let stage: SessionsStage
before(async () => {
  stage = await startSessionsStage()
})
after(() => stage?.stop())

/** Signed in an hour ago, as the provider tells it. */
const longAgo = { authAge: 3_000 }
const refusal = z.object({ code: z.string(), max_age: z.number() })

const call = (method: 'GET' | 'DELETE', path: string, { access_token }: TokenAnswer) =>
  fetch(stage.apis[0] + path, { method, headers: { authorization: `Bearer ${access_token}` } })
const erase = (tokens: TokenAnswer) => call('DELETE', `/account?confirm=${tokens.user_id}`, tokens)
const refresh = async ({ refresh_token }: TokenAnswer): Promise<TokenAnswer> => {
  const { body } = await stage.post(`${stage.accounts}/auth/token`, { grant_type: 'refresh_token', refresh_token })
  return z.custom<TokenAnswer>().parse(body)
}

/** A device as an app has it, and the sessions it was told to replace. */
async function device(first: TokenAnswer, again: (replaces: string) => Promise<TokenAnswer>) {
  let kept: KeptSession | undefined
  const keychain: SessionStore = {
    read: async () => kept,
    write: async (session) => {
      kept = session
    },
  }
  await keepSession(keychain, first)
  const session = createSessionTokens(keychain, { address: stage.accounts })
  const asked: string[] = []
  const ownData = createOwnData({
    address: stage.apis[0],
    session,
    keychain,
    signInAgain: (replaces) => {
      asked.push(replaces)
      return again(replaces)
    },
  })
  return { ownData, asked, session }
}

test('a token whose person signed in long ago neither erases nor exports, and says what is needed', async () => {
  const stolen = await stage.signIn(randomUUID(), 'phone', longAgo)
  for (const answer of [await erase(stolen), await call('GET', '/account/export', stolen)]) {
    assert.equal(answer.status, 401)
    assert.match(answer.headers.get('www-authenticate') ?? '', /insufficient_user_authentication", max_age=300$/)
    const { code, max_age } = refusal.parse(await answer.json())
    assert.deepEqual([code, max_age], ['RECENT_SIGN_IN_NEEDED', 300])
  }
  assert.equal((await call('GET', '/sync/status', stolen)).status, 200, 'everything else goes on')
})

test('refreshing makes no sign-in recent', async () => {
  const stolen = await refresh(await stage.signIn(randomUUID(), 'phone', longAgo))
  assert.equal((await erase(stolen)).status, 401)
  const present = await refresh(await stage.signIn(randomUUID(), 'phone'))
  assert.equal((await erase(present)).status, 200)
})

test('recovery and a second factor are set up by nobody who signed in long ago', async () => {
  const stolen = await stage.signIn(randomUUID(), 'phone', longAgo)
  const recovery = {
    proof: Buffer.alloc(32).toString('base64'),
    wrapped_master_key: Buffer.alloc(32).toString('base64'),
  }
  for (const [method, path] of [
    ['PUT', '/auth/recovery'],
    ['POST', '/auth/second-factor/ticket'],
  ] as const) {
    const answer = await fetch(stage.accounts + path, {
      method,
      headers: { authorization: `Bearer ${stolen.access_token}`, 'content-type': 'application/json' },
      body: JSON.stringify(method === 'PUT' ? { recovery } : {}),
    })
    assert.equal(refusal.parse(await answer.json()).code, 'RECENT_SIGN_IN_NEEDED')
  }
})

test('a device has its person sign in again, signs nobody else out by it, and then does what was asked', async () => {
  const person = randomUUID()
  const tablet = await stage.signIn(person, 'tablet')
  const first = await stage.signIn(person, 'phone', longAgo)
  const phone = await device(first, (replaces) => stage.signIn(person, 'phone', { replaces }))
  const exported = z.object({ user_id: z.string() }).parse(await phone.ownData.export())
  assert.equal(exported.user_id, first.user_id)
  assert.deepEqual(phone.asked, [first.session_id])
  assert.equal((await call('GET', '/sync/status', tablet)).status, 200, 'of two sessions the other is kept')
  assert.equal((await phone.ownData.erase()).erased, true, 'which is recent now')
  assert.equal(phone.asked.length, 1)
})

test('when the person does not sign in again nothing is erased', async () => {
  const person = randomUUID()
  const first = await stage.signIn(person, 'phone', longAgo)
  const phone = await device(first, () => Promise.reject(new Error('not now')))
  await assert.rejects(phone.ownData.erase(), /not now/)
  assert.equal((await call('GET', '/sync/status', first)).status, 200)
  const lying = await device(await stage.signIn(person, 'watch', longAgo), (replaces) =>
    stage.signIn(person, 'watch', { ...longAgo, replaces }),
  )
  const needed = (error: unknown) => error instanceof SyncError && error.code === 'RECENT_SIGN_IN_NEEDED'
  await assert.rejects(lying.ownData.erase(), needed, 'a sign-in that asked nobody is not recent')
})

test('a sign-in replaces a session of its own person alone', async () => {
  const [ana, bob] = [randomUUID(), randomUUID()]
  const phone = await stage.signIn(ana, 'phone')
  await stage.signIn(bob, 'phone', { replaces: phone.session_id })
  assert.equal((await call('GET', '/sync/status', phone)).status, 200)
})
