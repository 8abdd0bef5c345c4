import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { withClient } from '../../../src/postgres/connection.ts'
import { createMasterKey } from '../client/keys.ts'
import { type ClientOptions, createSyncClient, type SyncClient } from '../client/sync-client.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem
before(async () => {
  system = await startSystem()
})
after(() => system.stop())

const day = 86_400_000
const text = (value: string) => new TextEncoder().encode(value)

/** Runs compaction until nothing is left to do, as often as the days of a job would. */
async function compact(): Promise<number> {
  return withClient(system.roleUrl, async (client) => {
    let removed = 0
    for (let run = 0; run < 4; run++) {
      const { rows } = await client.query<{ removed: string }>('SELECT * FROM srv_compact(now(), 100)')
      removed += Number(rows[0]?.removed)
      await withClient(system.adminUrl, (admin) =>
        admin.query(`UPDATE srv_users SET floor_raised_at = floor_raised_at - interval '2 minutes'`),
      )
    }
    return removed
  })
}

/** Lets what a user's server holds grow older; devices were last seen then. */
async function age(user: string, days: number): Promise<void> {
  await withClient(system.adminUrl, async (admin) => {
    await admin.query('BEGIN')
    for (const statement of [
      `UPDATE srv_encrypted_entities SET updated_at = updated_at - $2 * interval '1 day',
         deleted_at = deleted_at - $2 * interval '1 day' WHERE user_id = $1`,
      `UPDATE srv_users SET changed_at = changed_at - $2 * interval '1 day' WHERE user_id = $1`,
      `UPDATE srv_sync_status SET last_sync_at = last_sync_at - $2 * interval '1 day' WHERE user_id = $1`,
    ])
      await admin.query(statement, [user, days])
    await admin.query('COMMIT')
  })
}

const stored = (user: string) =>
  withClient(system.adminUrl, async (client) => {
    const { rows } = await client.query<{ live: number; tombstones: number; exact: boolean }>(
      `SELECT count(*) FILTER (WHERE deleted_at IS NULL AND entity_type <> 'mark')::int AS live, count(deleted_at)::int AS tombstones,
         coalesce(sum(blob_size), 0) = (SELECT held_bytes FROM srv_users WHERE user_id = $1) AS exact
       FROM srv_encrypted_entities WHERE user_id = $1`,
      [user],
    )
    return rows[0]
  })

function household() {
  const user = randomUUID()
  const masterKeys = [createMasterKey()] as const
  /** Days since the start, as the devices' clocks see it. */
  const today = { days: 0 }
  const start = Date.now()
  const device = (name: string, options: Partial<ClientOptions> = {}): SyncClient =>
    createSyncClient({
      address: system.api,
      token: () => system.token(user, { tier: 'perfect' }),
      user,
      device: name,
      masterKeys,
      clock: { now: () => start + today.days * day, sleep: async () => {} },
      ...options,
    })
  return {
    user,
    device,
    pass: async (days: number) => {
      today.days += days
      await age(user, days)
    },
  }
}

const ids = async (client: SyncClient) => (await client.list()).map(({ id }) => id).sort()

/** A phone and a tablet hold two doses; the phone then deletes one. */
async function deletedOnPhone() {
  const home = household()
  const [phone, tablet] = [home.device('phone'), home.device('tablet')]
  const [kept, gone] = [randomUUID(), randomUUID()]
  for (const id of [kept, gone]) await phone.put('dose', id, text('a dose'))
  await phone.sync()
  await tablet.sync()
  await phone.remove('dose', gone)
  await phone.sync()
  return { ...home, phone, tablet, kept, gone }
}

describe('a tombstone', () => {
  test('is removed once it is old and every device has passed it, and its bytes are free', async () => {
    const { user, phone, tablet, pass, kept } = await deletedOnPhone()
    await tablet.sync()
    await pass(80)
    await phone.sync()
    await tablet.sync()
    await compact()
    assert.deepEqual(await stored(user), { live: 1, tombstones: 1, exact: true }, 'not old enough')
    await pass(15)
    for (const client of [phone, tablet]) await client.sync()
    await compact()
    assert.deepEqual(await stored(user), { live: 1, tombstones: 0, exact: true })
    for (const client of [phone, tablet]) {
      const { tampering, pushAgain, dropped, conflicts } = await client.sync()
      assert.deepEqual([tampering, pushAgain, dropped, conflicts], [[], [], [], []], 'nobody is asked to walk anew')
      assert.deepEqual(await ids(client), [kept])
    }
  })

  test('is kept while a device that was seen within 180 days has not passed it', async () => {
    const { user, phone, tablet, pass, kept } = await deletedOnPhone()
    await pass(120)
    await phone.sync()
    await compact()
    assert.equal((await stored(user))?.tombstones, 1)
    await tablet.sync()
    assert.deepEqual(await ids(tablet), [kept], 'and reaches it')
    await compact()
    assert.equal((await stored(user))?.tombstones, 0)
  })

  test('is removed by two runs: the first raises the floor, for pulls that are reading still', async () => {
    const { user, pass } = await deletedOnPhone()
    await pass(200)
    await withClient(system.roleUrl, async (client) => {
      for (let run = 0; run < 2; run++) await client.query('SELECT * FROM srv_compact(now(), 100)')
    })
    assert.equal((await stored(user))?.tombstones, 1, 'the second came at once')
    await compact()
    assert.equal((await stored(user))?.tombstones, 0)
  })

  test('is never old before its time, whatever clock a run is given', async () => {
    const { user, phone, tablet } = await deletedOnPhone()
    for (const client of [phone, tablet]) await client.sync()
    await withClient(system.roleUrl, (client) =>
      client.query(`SELECT * FROM srv_compact(now() + interval '1 year', 100)`),
    )
    await compact()
    assert.equal((await stored(user))?.tombstones, 1)
  })
})

describe('a device that was away while tombstones were removed', () => {
  test('is told to walk anew, drops what was deleted, and brings nothing back', async () => {
    const { user, phone, tablet, pass, kept, gone } = await deletedOnPhone()
    await pass(200)
    await phone.sync()
    await compact()
    assert.equal((await stored(user))?.tombstones, 0)
    const { dropped, pushAgain, tampering, conflicts } = await tablet.sync()
    assert.deepEqual([dropped, pushAgain, tampering, conflicts], [[gone], [], [], []])
    assert.deepEqual(await ids(tablet), [kept])
    await phone.sync()
    assert.deepEqual(await ids(phone), [kept])
    assert.deepEqual((await tablet.sync()).dropped, [], 'once')
  })

  test('asks its person about what it had changed itself', async () => {
    const { phone, tablet, pass, gone } = await deletedOnPhone()
    await tablet.put('dose', gone, text('changed while away'))
    await pass(200)
    await phone.sync()
    await compact()
    assert.deepEqual((await tablet.sync()).conflicts, [gone])
    await tablet.resolve(gone, 'mine')
    await tablet.sync()
    await phone.sync()
    assert.equal(new TextDecoder().decode((await phone.get(gone))?.value), 'changed while away')
  })

  test('brings nothing back after a restore of the server either', async () => {
    const { phone, tablet, pass, kept } = await deletedOnPhone()
    await pass(200)
    await phone.sync()
    await compact()
    await withClient(system.ownerUrl, (client) => client.query('SELECT srv_raise_epoch()'))
    assert.deepEqual((await tablet.sync()).pushAgain, [])
    assert.deepEqual(await ids(tablet), [kept])
  })

  test('keeps what it wrote itself lately, though it has not pulled for months and a restore lost it', async () => {
    const { user, tablet, pass, kept } = await deletedOnPhone()
    await pass(200)
    const written = randomUUID()
    await tablet.put('dose', written, text('written today'))
    await tablet.push()
    await withClient(system.adminUrl, (admin) =>
      admin.query('DELETE FROM srv_encrypted_entities WHERE user_id = $1 AND id = $2', [user, written]),
    )
    await withClient(system.ownerUrl, (client) => client.query('SELECT srv_raise_epoch()'))
    assert.deepEqual((await tablet.sync()).pushAgain, [written])
    assert.deepEqual(await ids(tablet), [kept, written].sort())
  })

  test('takes a server that says so to a device that was here lately for a liar', async () => {
    const { phone, tablet, pass, gone, user } = await deletedOnPhone()
    await tablet.sync()
    await pass(30)
    for (const client of [phone, tablet]) await client.sync()
    // A server in bad faith hides a dose, and says that tombstones were cleared away.
    const hidden = randomUUID()
    await tablet.put('dose', hidden, text('hidden'))
    await tablet.sync()
    await withClient(system.adminUrl, async (admin) => {
      await admin.query('DELETE FROM srv_encrypted_entities WHERE user_id = $1 AND id = $2', [user, hidden])
      await admin.query('UPDATE srv_users SET floor = sequence + 1 WHERE user_id = $1', [user])
    })
    const { tampering, dropped } = await tablet.sync()
    assert.deepEqual([tampering, dropped], [[{ id: hidden, what: 'missing' }], []])
    assert.equal((await tablet.get(gone))?.deleted, true)
  })
})

describe('a walk from the start', () => {
  test('comes to its end though the floor lies above it, and begins anew when the floor is raised meanwhile', async () => {
    const { user, phone, pass } = await deletedOnPhone()
    for (let index = 0; index < 5; index++) await phone.put('dose', randomUUID(), text('more'))
    const last = randomUUID()
    await phone.put('dose', last, text('to be deleted'))
    await phone.sync()
    await phone.remove('dose', last)
    await phone.sync()
    await pass(200)
    await phone.sync()
    const token = await system.token(user)
    const page = z.object({ cursor: z.string(), has_more: z.boolean() })
    const pull = async (cursor: string) =>
      fetch(`${system.api}/sync/pull?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`, {
        headers: { authorization: `Bearer ${token}` },
      })
    const begun = page.parse(await (await pull('')).json())
    await compact()
    assert.equal((await pull(begun.cursor)).status, 412, 'the floor rose above it')
    let cursor = ''
    for (let more = true; more; ) {
      const response = await pull(cursor)
      assert.equal(response.status, 200)
      const next = page.parse(await response.json())
      cursor = next.cursor
      more = next.has_more
    }
    const since = new Date(Date.now() - 250 * day).toISOString()
    const headers = { authorization: `Bearer ${token}` }
    assert.equal((await fetch(`${system.api}/sync/pull?since=${since}`, { headers })).status, 412)
    const lately = new Date(Date.now() - 10 * day).toISOString()
    assert.equal((await fetch(`${system.api}/sync/pull?since=${lately}`, { headers })).status, 200)
  })
})
