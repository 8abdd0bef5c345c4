import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
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

const text = (value: string) => new TextEncoder().encode(value)

function entity(value: string, changes: Record<string, unknown> = {}) {
  const blob = Buffer.from(value)
  return {
    id: randomUUID(),
    entity_type: 'dose',
    version: 1,
    deleted: false,
    key_id: 'old',
    encrypted_blob: blob.toString('base64'),
    checksum: createHash('sha256').update(blob).digest('hex'),
    ...changes,
  }
}
type Sent = ReturnType<typeof entity>

const answer = z.object({
  code: z.string().optional(),
  staged: z.int().optional(),
  rotated: z.int().optional(),
  detail: z.string().optional(),
  entities: z.array(z.object({ id: z.string(), reason: z.string() })).optional(),
})

async function post(token: string, path: string, body: unknown) {
  const response = await fetch(system.api + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const { entities, ...rest } = answer.parse(await response.json())
  const faults = entities?.map(({ id, reason }) => `${id} ${reason}`).sort()
  return { status: response.status, ...rest, ...(faults === undefined ? {} : { faults }) }
}

/** A user with entities under the old key, and what the first four requests of a rotation need. */
async function scene(count: number) {
  const user = randomUUID()
  const token = await system.token(user)
  const old = Array.from({ length: count }, (_, index) => entity(`dose ${index}`))
  const push = (entities: unknown[]) => post(token, '/sync/push', { device_id: 'phone', entities })
  assert.equal((await push(old)).status, 200)
  const renewed = (of: Sent): Sent =>
    entity(`again ${of.encrypted_blob}`, { id: of.id, version: of.version + 1, deleted: of.deleted, key_id: 'new' })
  const rotation = randomUUID()
  const rotate = (entities: unknown[], commit: boolean, changes: Record<string, unknown> = {}) =>
    post(token, '/sync/rotate', {
      device_id: 'phone',
      rotation,
      entity_types: ['dose'],
      key_id: 'new',
      entities,
      commit,
      ...changes,
    })
  const keys = () =>
    withClient(system.adminUrl, async (client) => {
      const { rows } = await client.query<{ key_id: string; count: number; exact: boolean }>(
        `SELECT key_id, count(*)::int, sum(blob_size) OVER () IS NOT NULL AS exact FROM srv_encrypted_entities
         WHERE user_id = $1 GROUP BY key_id, blob_size`,
        [user],
      )
      const found: Record<string, number> = {}
      for (const row of rows) found[row.key_id] = (found[row.key_id] ?? 0) + row.count
      return found
    })
  return { user, token, old, push, renewed, rotate, keys }
}

describe('a rotation', () => {
  test('shows nothing until its last batch, and then all of it at once', async () => {
    const { old, renewed, rotate, keys, token } = await scene(6)
    assert.deepEqual(await rotate(old.slice(0, 3).map(renewed), false), { status: 200, staged: 3, rotated: 0 })
    assert.deepEqual(await keys(), { old: 6 })
    const last = old.slice(3).map(renewed)
    assert.deepEqual(await rotate(last, true), { status: 200, staged: 6, rotated: 6 })
    assert.deepEqual(await keys(), { new: 6 })
    assert.deepEqual(
      await rotate(last, true),
      { status: 200, staged: 0, rotated: 6 },
      'a lost answer is asked for again',
    )
    const response = await fetch(`${system.api}/sync/pull`, { headers: { authorization: `Bearer ${token}` } })
    const { entities } = z.object({ entities: z.array(z.object({ version: z.int() })) }).parse(await response.json())
    assert.deepEqual(
      entities.map(({ version }) => version),
      Array(6).fill(2),
    )
  })

  test('that leaves an entity out changes nothing and names it', async () => {
    const { old, renewed, rotate, keys } = await scene(4)
    const [left, ...rest] = old
    assert.ok(left)
    const incomplete = await rotate(rest.map(renewed), true)
    assert.deepEqual(
      [incomplete.status, incomplete.code, incomplete.faults],
      [409, 'ROTATION_INCOMPLETE', [`${left.id} missing`]],
    )
    assert.deepEqual(await keys(), { old: 4 })
    assert.equal((await rotate([renewed(left)], true)).rotated, 4, 'and goes on where it was')
  })

  test('in which another device wrote meanwhile changes nothing and names what it wrote', async () => {
    const { old, push, renewed, rotate, keys } = await scene(3)
    const [first, second, third] = old
    assert.ok(first && second && third)
    await rotate(old.map(renewed), false)
    const added = entity('added')
    const [changed, deleted] = [
      entity('changed', { id: first.id, version: 2 }),
      entity('gone', { id: second.id, version: 2, deleted: true }),
    ]
    assert.equal((await push([changed, deleted, added])).status, 200)
    assert.deepEqual(
      (await rotate([], true)).faults,
      [`${first.id} changed`, `${second.id} changed`, `${added.id} missing`].sort(),
    )
    assert.deepEqual(await keys(), { old: 4 })
    const again = [renewed(changed), renewed(deleted), renewed(added)]
    assert.equal((await rotate(again, true)).rotated, 4)
    assert.deepEqual(await keys(), { new: 4 })
  })

  test('takes neither what has the new key already nor what is of another type or key', async () => {
    const { old, push, renewed, rotate } = await scene(1)
    const stranger = renewed(entity('never stored'))
    assert.deepEqual((await rotate([...old.map(renewed), stranger], true)).faults, [`${stranger.id} not_due`])
    await push([entity('of another type', { entity_type: 'journal' })])
    const wrong = await rotate([entity('x', { version: 2 })], false)
    assert.deepEqual([wrong.status, wrong.detail], [400, '/entities/0/key_id: not of this rotation'])
    const typed = await rotate([entity('x', { version: 2, key_id: 'new', entity_type: 'journal' })], false)
    assert.deepEqual([typed.status, typed.detail], [400, '/entities/0/entity_type: not of this rotation'])
    assert.equal(
      (await rotate(old.map(renewed), true, { rotation: randomUUID() })).rotated,
      1,
      'a new one begins empty',
    )
  })

  test('of one user does not touch another', async () => {
    const ana = await scene(2)
    const bob = await scene(2)
    assert.equal((await bob.rotate(ana.old.map(ana.renewed), true)).faults?.length, 4)
    assert.equal((await ana.rotate(ana.old.map(ana.renewed), true)).rotated, 2)
    assert.deepEqual(await bob.keys(), { old: 2 })
  })

  test('that nobody comes back to is cleared away after a day, and not before', async () => {
    const { user, old, renewed, rotate } = await scene(2)
    await rotate(old.map(renewed), false)
    const clean = () =>
      withClient(system.roleUrl, async (client) => {
        const { rows } = await client.query<{ removed: string }>(
          `SELECT srv_clean_rotations(now() + interval '1 year') AS removed`,
        )
        return Number(rows[0]?.removed)
      })
    assert.equal(await clean(), 0)
    await withClient(system.adminUrl, (client) =>
      client.query(`UPDATE srv_rotations SET begun_at = begun_at - interval '25 hours' WHERE user_id = $1`, [user]),
    )
    assert.equal(await clean(), 2)
    assert.equal((await rotate([], true)).faults?.length, 2)
  })

  test('racing with pushes is all or nothing', async () => {
    const { old, push, renewed, rotate, keys, user } = await scene(20)
    await rotate(old.map(renewed), false)
    const [outcome, ...pushes] = await Promise.all([
      rotate([], true),
      ...old.slice(0, 8).map((each) => push([entity('meanwhile', { id: each.id, version: 2 })])),
    ])
    const won = pushes.filter(({ status }) => status === 200).length
    const found = await keys()
    if (outcome.status === 200) assert.deepEqual([won, found], [0, { new: 20 }])
    else assert.deepEqual([outcome.faults?.length, found], [outcome.faults?.length, { old: 20 }])
    const held = await withClient(system.adminUrl, async (client) => {
      const { rows } = await client.query<{ exact: boolean }>(
        `SELECT u.held_bytes = sum(e.blob_size) AS exact FROM srv_users u JOIN srv_encrypted_entities e USING (user_id)
         WHERE user_id = $1 GROUP BY u.held_bytes`,
        [user],
      )
      return rows[0]?.exact
    })
    assert.equal(held, true)
  })
})

describe('a device with a new master key', () => {
  const [oldKey, newKey] = [createMasterKey(), createMasterKey()]
  const device = (
    user: string,
    name: string,
    masterKeys: readonly [Uint8Array, ...Uint8Array[]],
    collections: Pick<ClientOptions, 'collectionOf'> = {},
  ): SyncClient =>
    createSyncClient({
      ...collections,
      address: system.api,
      token: () => system.token(user, { tier: 'perfect' }),
      user,
      device: name,
      masterKeys,
      clock: { now: Date.now, sleep: async () => {} },
    })

  test('seals all of a collection anew, and whoever has only the old key reads it no more', async () => {
    const user = randomUUID()
    const [before, tablet] = [device(user, 'phone', [oldKey]), device(user, 'tablet', [newKey, oldKey])]
    const [id, gone] = [randomUUID(), randomUUID()]
    for (let index = 0; index < 60; index++) await before.put('dose', randomUUID(), text(`dose ${index}`))
    await before.put('dose', id, text('half a tablet'))
    await before.put('dose', gone, text('to be deleted'))
    await before.put('journal', randomUUID(), text('of another collection'))
    await before.sync()
    await before.remove('dose', gone)
    await before.sync()
    const phone = device(user, 'phone', [newKey, oldKey])
    assert.equal(await phone.rotate(['dose']), 62)
    assert.equal(await phone.rotate(['dose']), 0, 'nothing is left to do')
    const { tampering, conflicts } = await tablet.sync()
    assert.deepEqual([tampering, conflicts], [[], []])
    assert.equal(new TextDecoder().decode((await tablet.get(id))?.value), 'half a tablet')
    assert.equal((await tablet.get(gone))?.deleted, true)
    const dismissed = device(user, 'dismissed', [oldKey])
    await dismissed.sync()
    assert.deepEqual((await dismissed.list('dose')).length, 0)
    assert.equal((await dismissed.list('journal')).length, 1)
  })

  test('rotates types one by one, or together where they are of one collection', async () => {
    for (const collections of [{}, { collectionOf: () => 'health' }]) {
      const user = randomUUID()
      const before = device(user, 'phone', [oldKey], collections)
      for (const type of ['medication', 'dose']) await before.put(type, randomUUID(), text(type))
      await before.sync()
      const phone = device(user, 'phone', [newKey, oldKey], collections)
      if ('collectionOf' in collections) assert.equal(await phone.rotate(['medication', 'dose']), 2)
      else {
        await assert.rejects(phone.rotate(['medication', 'dose']), RangeError)
        for (const type of ['medication', 'dose']) assert.equal(await phone.rotate([type]), 1)
      }
      const dismissed = device(user, 'dismissed', [oldKey], collections)
      await dismissed.sync()
      assert.deepEqual([...(await dismissed.list('medication')), ...(await dismissed.list('dose'))], [])
    }
  })

  test('begins again when another device writes meanwhile', async () => {
    const user = randomUUID()
    const tablet = device(user, 'tablet', [newKey, oldKey])
    const old = device(user, 'old-phone', [oldKey])
    const id = randomUUID()
    await old.put('dose', id, text('first'))
    await old.sync()
    let interrupted = false
    const phone = createSyncClient({
      address: system.api,
      token: () => system.token(user, { tier: 'perfect' }),
      user,
      device: 'phone',
      masterKeys: [newKey, oldKey],
      fetch: async (input, init) => {
        if (String(input).endsWith('/sync/rotate') && !interrupted) {
          interrupted = true
          await old.put('dose', id, text('second'))
          await old.sync()
        }
        return fetch(input, init)
      },
    })
    assert.equal(await phone.rotate(['dose']), 1)
    await tablet.sync()
    assert.equal(new TextDecoder().decode((await tablet.get(id))?.value), 'second')
  })
})
