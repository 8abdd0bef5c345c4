import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { decodeJwt } from 'jose'
import { withClient } from '../../../src/postgres/connection.ts'
import type { TokenAnswer } from '../client/account/account-wire.ts'
import { systemClock } from '../client/retry.ts'
import { type SessionsStage, startSessionsStage } from './sessions-stage.ts'

let stage: SessionsStage
before(async () => {
  stage = await startSessionsStage()
})
after(() => stage?.stop())

const as = ({ access_token }: TokenAnswer) => ({ authorization: `Bearer ${access_token}` })

/** A stream of events at each instance. */
async function streams(session: TokenAnswer, device: string) {
  return Promise.all(
    stage.apis.map(async (api, index) => {
      const response = await fetch(`${api}/sync/events?device_id=${device}-${index}`, { headers: as(session) })
      assert.equal(response.status, 200)
      const state = { begun: false, ended: false }
      void (async () => {
        if (response.body !== null) for await (const _ of response.body) state.begun = true
        state.ended = true
      })().catch(() => undefined)
      await until(() => state.begun, 'a stream begins with an event')
      return state
    }),
  )
}

async function until(what: () => boolean | Promise<boolean>, why: string): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await what())) {
    assert.ok(Date.now() < deadline, why)
    await systemClock.sleep(5)
  }
}

const statuses = (session: TokenAnswer) =>
  Promise.all(stage.apis.map(async (api) => (await fetch(`${api}/sync/status`, { headers: as(session) })).status))

/** Streams end and the access token is refused at every instance, long before anybody forgets a token by themselves. */
async function assertCut(session: TokenAnswer, open: { ended: boolean }[], kept?: TokenAnswer): Promise<void> {
  const from = Date.now()
  await until(() => open.every(({ ended }) => ended), 'the streams end')
  await until(async () => (await statuses(session)).every((status) => status === 401), 'the token is refused')
  assert.ok(Date.now() - from < 10_000)
  if (kept !== undefined) assert.deepEqual(await statuses(kept), [200, 200])
}

test('ending a session cuts its streams and its access token at every instance, and those of no other session', async () => {
  const user = randomUUID()
  const [phone, tablet] = [await stage.signIn(user, 'phone'), await stage.signIn(user, 'tablet')]
  const [lost, kept] = [await streams(phone, 'phone'), await streams(tablet, 'tablet')]
  assert.deepEqual(await statuses(phone), [200, 200])
  const ended = await fetch(`${stage.accounts}/auth/sessions/${phone.session_id}`, {
    method: 'DELETE',
    headers: as(tablet),
  })
  assert.equal(ended.status, 200)
  await assertCut(phone, lost, tablet)
  assert.ok(kept.every((stream) => !stream.ended))
})

test('a refresh token that is used twice cuts what its session has open', async () => {
  const phone = await stage.signIn(randomUUID(), 'phone')
  const open = await streams(phone, 'phone')
  const refresh = () =>
    stage.post(`${stage.accounts}/auth/token`, { grant_type: 'refresh_token', refresh_token: phone.refresh_token })
  assert.equal((await refresh()).status, 200)
  assert.equal((await refresh()).body['code'], 'SESSION_ENDED')
  await assertCut(phone, open)
})

test('one sign-in more than the tier allows cuts the oldest session', async () => {
  const user = randomUUID()
  const [first, second] = [await stage.signIn(user, 'phone'), await stage.signIn(user, 'tablet')]
  const open = await streams(first, 'phone')
  await stage.signIn(user, 'watch')
  await assertCut(first, open, second)
})

test('an account that is erased leaves no stream open', async () => {
  const phone = await stage.signIn(randomUUID(), 'phone')
  const open = await streams(phone, 'phone')
  const own = decodeJwt(phone.access_token).sub
  const erased = await fetch(`${stage.apis[0]}/account?confirm=${own}`, { method: 'DELETE', headers: as(phone) })
  assert.equal(erased.status, 200)
  await assertCut(phone, open)
})

test('what ended while an instance could not hear of it is found when it hears again', async () => {
  const user = randomUUID()
  const [phone, tablet] = [await stage.signIn(user, 'phone'), await stage.signIn(user, 'tablet')]
  const [lost, kept] = [await streams(phone, 'phone'), await streams(tablet, 'tablet')]
  await withClient(stage.database.adminUrl, async (client) => {
    // Nobody is told, as if the connection had been lost in this moment.
    await client.query('BEGIN')
    await client.query('SET LOCAL session_replication_role = replica')
    await client.query(
      `UPDATE public.srv_sessions SET ended_at = now(), ended_because = 'signed_out' WHERE session_id = $1`,
      [phone.session_id],
    )
    await client.query('COMMIT')
    assert.deepEqual([lost, kept].flat().filter(({ ended }) => ended).length, 0)
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'medtime-events'`,
    )
  })
  await assertCut(phone, lost, tablet)
  assert.ok(kept.every((stream) => !stream.ended))
})

test('what instances are told of a session leads to nobody', async () => {
  const phone = await stage.signIn(randomUUID(), 'phone')
  await withClient(stage.database.roleUrl('medtime_api'), async (client) => {
    const heard: string[] = []
    client.on('notification', ({ payload }) => heard.push(payload ?? ''))
    await client.query('LISTEN srv_session_ended')
    await fetch(`${stage.accounts}/auth/sessions/${phone.session_id}`, { method: 'DELETE', headers: as(phone) })
    await until(() => heard.length > 0, 'it was told')
    assert.match(heard.join(' '), /^[0-9a-f]{32}$/)
    assert.ok(!heard.join(' ').includes(phone.session_id.replaceAll('-', '').slice(0, 12)))
  })
})
