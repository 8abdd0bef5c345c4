import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { z } from 'zod'
import { withClient } from '../../../src/postgres/connection.ts'
import { createMasterKey } from '../client/keys.ts'
import { createSyncClient } from '../client/sync-client.ts'
import { quotas } from '../services/api/sync/quota.ts'
import { configAnswer } from '../services/api/sync/wire.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem
before(async () => {
  system = await startSystem()
})
after(() => system.stop())

function entity(bytes: Uint8Array, changes: Record<string, unknown> = {}) {
  return {
    id: randomUUID(),
    entity_type: 'photo',
    version: 1,
    deleted: false,
    key_id: 'k',
    encrypted_blob: Buffer.from(bytes).toString('base64'),
    checksum: createHash('sha256').update(bytes).digest('hex'),
    ...changes,
  }
}

interface Answer {
  status: number
  remaining: number
  body: Record<string, unknown>
}

async function push(token: string, entities: unknown[], headers: Record<string, string> = {}): Promise<Answer> {
  return send(token, JSON.stringify({ device_id: 'phone', entities }), headers)
}

async function send(token: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${system.api}/sync/push`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body,
  })
  return {
    status: response.status,
    remaining: Number(response.headers.get('x-storage-remaining') ?? Number.NaN),
    body: z.record(z.string(), z.unknown()).parse(await response.json()),
  }
}

/** Holds all but so many bytes, without sending them. */
async function fillTo(user: string, remaining: number): Promise<void> {
  await withClient(system.adminUrl, (client) =>
    client.query('UPDATE srv_users SET held_bytes = $2 WHERE user_id = $1', [user, quotas.free - remaining]),
  )
}

const heldBy = (user: string) =>
  withClient(system.adminUrl, async (client) => {
    const { rows } = await client.query<{ held: number; stored: number }>(
      `SELECT u.held_bytes::float8 AS held, coalesce(sum(e.blob_size), 0)::float8 AS stored
       FROM srv_users u LEFT JOIN srv_encrypted_entities e USING (user_id) WHERE user_id = $1 GROUP BY u.held_bytes`,
      [user],
    )
    return rows[0]
  })

describe('what a user may hold', () => {
  test('is counted to the byte: through new, changed, deleted, repeated and refused entities', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    const [first, second] = [entity(new Uint8Array(1_000)), entity(new Uint8Array(500))]
    assert.equal((await push(token, [first, second])).remaining, quotas.free - 1_500)
    assert.equal((await push(token, [first, second])).remaining, quotas.free - 1_500, 'a repetition costs nothing')
    const larger = entity(new Uint8Array(1_700), { id: first.id, version: 2 })
    assert.equal((await push(token, [second, larger])).remaining, quotas.free - 2_200)
    const gone = entity(new Uint8Array(60), { id: first.id, version: 3, deleted: true })
    assert.equal((await push(token, [gone, entity(new Uint8Array(10))])).remaining, quotas.free - 570)
    const stale = entity(new Uint8Array(9), { id: first.id, version: 3 })
    const conflicted = await push(token, [stale])
    assert.deepEqual([conflicted.status, conflicted.remaining], [409, quotas.free - 570])
    assert.deepEqual(await heldBy(user), { held: 570, stored: 570 })
  })

  test('ends at the very byte, is refused as a whole and by name, and is freed by deletion', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    const kept = entity(new Uint8Array(5_000))
    await push(token, [kept])
    await fillTo(user, 300)
    const over = await push(token, [entity(new Uint8Array(100)), entity(new Uint8Array(201))])
    assert.deepEqual([over.status, over.body['code'], over.remaining], [413, 'QUOTA_EXCEEDED', 300])
    assert.deepEqual(
      [over.body['quota_bytes'], over.body['held_bytes'], over.body['needed_bytes']],
      [quotas.free, quotas.free - 300, 301],
    )
    const fits = await push(token, [entity(new Uint8Array(100)), entity(new Uint8Array(200))])
    assert.deepEqual([fits.status, fits.remaining], [200, 0])
    assert.equal((await push(token, [entity(new Uint8Array(1))])).status, 413)
    const deletion = entity(new Uint8Array(50), { id: kept.id, version: 2, deleted: true })
    assert.equal((await push(token, [deletion])).remaining, 4_950)
    assert.equal((await push(token, [entity(new Uint8Array(4_950))])).remaining, 0)
  })

  test('holds against many devices at once: not one byte more is taken', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    await push(token, [entity(new Uint8Array(1))])
    await fillTo(user, 10_500)
    const answers = await Promise.all(Array.from({ length: 24 }, () => push(token, [entity(new Uint8Array(1_000))])))
    assert.equal(answers.filter(({ status }) => status === 200).length, 10)
    assert.equal(answers.filter(({ body }) => body['code'] === 'QUOTA_EXCEEDED').length, 14)
  })

  test('of somebody who lost a tier may shrink and not grow', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    const kept = entity(new Uint8Array(5_000))
    await push(token, [kept])
    await fillTo(user, -1_000_000)
    const grown = await push(token, [entity(new Uint8Array(1))])
    assert.deepEqual([grown.status, grown.remaining], [413, 0])
    const shrunk = entity(new Uint8Array(10), { id: kept.id, version: 2 })
    assert.equal((await push(token, [shrunk])).status, 200)
  })

  test('is no dead end for a device: deletions go first, the rest stays and is told', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    const phone = createSyncClient({
      address: system.api,
      token: async () => token,
      user,
      device: 'phone',
      masterKeys: [createMasterKey()],
    })
    const [old, large, small] = [randomUUID(), randomUUID(), randomUUID()]
    await phone.put('photo', old, new Uint8Array(20_000))
    await phone.sync()
    await fillTo(user, 0)
    await phone.put('photo', large, new Uint8Array(300_000))
    await phone.put('photo', small, new Uint8Array(3_000))
    const before = await phone.sync()
    assert.deepEqual([before.pushed, before.full?.quotaBytes], [[], quotas.free])
    await phone.remove('photo', old)
    await phone.put('photo', large, new Uint8Array(200_000))
    const between = await phone.sync()
    assert.ok(between.full !== undefined && between.full.heldBytes < quotas.free - 15_000)
    assert.deepEqual(
      between.pushed.map(({ id }) => id),
      [old],
    )
    await phone.remove('photo', large)
    const last = await phone.sync()
    assert.equal(last.full, undefined)
    assert.deepEqual(new Set(last.pushed.map(({ id }) => id)), new Set([large, small]))
  })
})

describe('the limits', () => {
  test('are told to whoever asks with a token, each tier its own quota', async () => {
    for (const tier of ['free', 'pro', 'perfect'] as const) {
      const headers = { authorization: `Bearer ${await system.token(randomUUID(), { tier })}` }
      const config = configAnswer.parse(await (await fetch(`${system.api}/sync/config`, { headers })).json())
      assert.equal(config.quota_bytes, quotas[tier])
    }
    assert.equal((await fetch(`${system.api}/sync/config`)).status, 401)
  })

  test('are asked for once by a device, which then sends above 1 KB compressed', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    const seen: { path: string; encoding: string | null; answer: string | null }[] = []
    const phone = createSyncClient({
      address: system.api,
      token: async () => token,
      user,
      device: 'phone',
      masterKeys: [createMasterKey()],
      fetch: async (input, init) => {
        const response = await fetch(input, init)
        const path = new URL(String(input)).pathname
        const encoding = new Headers(init?.headers).get('content-encoding')
        seen.push({ path, encoding, answer: response.headers.get('content-encoding') })
        return response
      },
    })
    await phone.put('dose', randomUUID(), new Uint8Array(100))
    await phone.push()
    for (let index = 0; index < 20; index++) await phone.put('dose', randomUUID(), new Uint8Array(100))
    await phone.push()
    const pushes = seen.filter(({ path }) => path === '/sync/push')
    await phone.sync()
    assert.equal(seen.filter(({ path }) => path === '/sync/config').length, 1)
    assert.deepEqual(
      pushes.map(({ encoding }) => encoding),
      [null, 'gzip'],
    )
    const pulls = seen.filter(({ path }) => path === '/sync/pull')
    assert.ok(
      pulls.some(({ answer }) => answer === 'gzip'),
      'and reads such answers',
    )
  })
})

describe('a compressed push', () => {
  const compress = { gzip: gzipSync, zstd: zstdCompressSync } as const

  test('is stored as any other', async () => {
    for (const encoding of ['gzip', 'zstd'] as const) {
      const token = await system.token(randomUUID())
      const json = JSON.stringify({ device_id: 'phone', entities: [entity(new Uint8Array(2_000))] })
      const { status, remaining } = await send(token, compress[encoding](json), { 'content-encoding': encoding })
      assert.deepEqual([status, remaining], [200, quotas.free - 2_000])
    }
  })

  test('that unfolds above the limit is refused by name, and the service goes on', async () => {
    const token = await system.token(randomUUID())
    for (const encoding of ['gzip', 'zstd'] as const) {
      const bomb = compress[encoding](Buffer.alloc(20_000_000, ' '))
      const { status, body } = await send(token, bomb, { 'content-encoding': encoding })
      assert.deepEqual([status, body['code']], [413, 'BODY_TOO_LARGE'])
    }
    assert.equal((await push(token, [entity(new Uint8Array(5))])).status, 200)
  })
})
