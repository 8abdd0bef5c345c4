import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { withClient } from '../../../src/postgres/connection.ts'
import { type AppReportsOptions, createAppReports } from '../client/app/app-reports.ts'
import { userHash } from '../client/app/user-hash.ts'
import { createMasterKey } from '../client/keys.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem
before(async () => {
  system = await startSystem()
})
after(() => system?.stop())

const user = randomUUID()
const hash = userHash(createMasterKey(), user)

/** What an app on one device tells; what it keeps outlives it. */
function app(disk: { text?: string | undefined }, more: Partial<AppReportsOptions> = {}) {
  return createAppReports({
    address: () => system.api,
    token: () => system.token(user, { tier: 'pro' }),
    fetch,
    clock: { now: () => Date.now(), sleep: async () => undefined },
    random: Math.random,
    signal: undefined,
    platform: 'android',
    version: '1.0.0',
    userHash: hash,
    root: new URL('..', import.meta.url).href,
    keeper: {
      load: async () => disk.text,
      save: async (text) => {
        disk.text = text
      },
    },
    newId: randomUUID,
    agreed: async () => true,
    ...more,
  })
}

const rows = async () =>
  withClient(system.ownerUrl, async (client) => (await client.query('SELECT * FROM srv_app_crashes')).rows)
const metrics = async () => (await fetch(`${system.api}/metrics`)).text()

test('a crash is kept over the end of the app, sent by the next one, and is on the server without its message or its user', async () => {
  const disk = {}
  await app(disk).crashed(new RangeError('losartan 50 mg at eight'))
  assert.deepEqual(await app(disk).send(), { crashes: 1, events: 0 })
  assert.deepEqual(await app(disk).send(), { crashes: 0, events: 0 })
  const [row, ...others] = await rows()
  assert.equal(others.length, 0)
  assert.match(row.frames[0], /^test\/app-reports\.test\.ts:\d+:\d+$/)
  assert.deepEqual(
    [row.class, row.code, row.platform, row.version, row.user_hash],
    ['RangeError', null, 'android', '1.0.0', hash],
  )
  for (const text of [JSON.stringify(row), await metrics(), system.log()]) {
    assert.doesNotMatch(text, /losartan/)
    assert.ok(!text.includes(user))
  }
  assert.match(await metrics(), /app_crashes_total\{platform="android",version="1.0.0",error_type="crash"\} 1/)
})

test('a report whose answer was lost is there once', async () => {
  const [disk, before] = [{}, (await rows()).length]
  let lost = false
  const reports = app(disk, {
    fetch: async (...asked) => {
      const answer = await fetch(...asked)
      if (lost) return answer
      lost = true
      throw new TypeError('the connection broke off')
    },
  })
  await reports.crashed(new Error('x'))
  await reports.send()
  assert.equal((await rows()).length, before + 1)
})

test('use is counted by event, tier and role, and leaves no row', async () => {
  const reports = app({})
  reports.used('app_open', 'patient')
  reports.used('screen_view', 'patient')
  assert.deepEqual(await reports.send(), { crashes: 0, events: 2 })
  assert.match(await metrics(), /app_events_total\{event="app_open",tier="pro",role="patient"\} 1/)
  const known = await withClient(system.adminUrl, (client) =>
    client.query('SELECT FROM srv_users WHERE user_id = $1', [user]),
  )
  assert.equal(known.rowCount, 0)
})

test('without the person’s consent nothing is sent, and what was kept is thrown away', async () => {
  const [disk, before] = [{}, (await rows()).length]
  const reports = app(disk, { agreed: async () => false })
  await reports.crashed(new Error('x'))
  reports.used('app_open', 'patient')
  await reports.send()
  assert.deepEqual(await app(disk).send(), { crashes: 0, events: 0 })
  assert.equal((await rows()).length, before)
})

test('what was changed on the disk is not sent', async () => {
  const disk: { text?: string } = {}
  await app(disk).crashed(new Error('x'))
  disk.text = disk.text?.replace('"kind"', '"medicine":"losartan","kind"') ?? ''
  assert.deepEqual(await app(disk).send(), { crashes: 0, events: 0 })
})
