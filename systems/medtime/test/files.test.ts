import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { withClient } from '../../../src/postgres/connection.ts'
import { createFiles, FileNotBelieved } from '../client/files.ts'
import { createKeyRing, createMasterKey } from '../client/keys.ts'
import type { Sealer } from '../client/sealed-entity.ts'
import { fileLimit as wireLimit } from '../services/api/files/wire.ts'
import { quotas } from '../services/api/sync/quota.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem
before(async () => {
  system = await startSystem()
})
after(() => system.stop())

const digestOf = (bytes: Uint8Array) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

function filesOf(user: string, token: string, over: typeof fetch = fetch) {
  const sealer: Sealer = { user, keys: createKeyRing(user, [createMasterKey()]), collectionOf: (type) => type }
  const clock = { now: Date.now, sleep: async () => {} }
  return createFiles(
    { address: () => system.api, token: async () => token, fetch: over, clock, random: () => 0.5 },
    sealer,
  )
}

async function send(
  token: string,
  method: string,
  id: string,
  bytes?: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${system.api}/files/${id}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(bytes === undefined ? {} : { 'content-type': 'application/octet-stream', 'content-digest': digestOf(bytes) }),
      ...headers,
    },
    ...(bytes === undefined ? {} : { body: bytes }),
  })
  const body = Buffer.from(await response.arrayBuffer())
  const json = response.headers.get('content-type')?.includes('json') === true
  const code: unknown = json ? JSON.parse(body.toString()).code : undefined
  const left = response.headers.get('x-storage-remaining')
  return { status: response.status, code, body, remaining: left === null ? undefined : Number(left) }
}

const rows = (user: string) =>
  withClient(system.adminUrl, async (client) => {
    const { rows: found } = await client.query<{ files: number; chunks: number; held: number }>(
      `SELECT (SELECT count(*)::int FROM srv_files WHERE user_id = $1) AS files,
         (SELECT count(*)::int FROM srv_file_chunks WHERE user_id = $1) AS chunks,
         (SELECT held_bytes::float8 FROM srv_users WHERE user_id = $1) AS held`,
      [user],
    )
    return found[0]
  })

describe('a file of a device', () => {
  test('comes back as it was, and is gone once it is removed', async () => {
    const user = randomUUID()
    const files = filesOf(user, await system.token(user))
    const photo = randomBytes(1_000_000)
    const id = await files.put(photo)
    assert.deepEqual(Buffer.from((await files.get(id)) ?? []), photo)
    assert.equal((await rows(user))?.chunks, 4)
    await files.remove(id)
    await files.remove(id)
    assert.equal(await files.get(id), undefined)
    assert.deepEqual(await rows(user), { files: 0, chunks: 0, held: 0 })
  })

  test('is not believed when the server gives another one, and asked for again when the line breaks', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    let asked = 0
    let turn = ''
    const files = filesOf(user, token, async (input, init) => {
      if (init?.method !== undefined) return fetch(input, init)
      if (turn !== '') return fetch(turn, init)
      if (asked++ > 0) return fetch(input, init)
      const broken = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.error(new Error('the line broke')),
      })
      return new Response(broken)
    })
    const [one, another] = [await files.put(randomBytes(300)), await files.put(randomBytes(300))]
    assert.equal((await files.get(one))?.length, 300)
    assert.equal(asked, 2)
    turn = `${system.api}/files/${another}`
    await assert.rejects(files.get(one), FileNotBelieved)
  })
})

describe('the service', () => {
  test('keeps a file for its owner: to anybody else there is none, and its id is free', async () => {
    const [ana, bob] = [await system.token(randomUUID()), await system.token(randomUUID())]
    const id = randomUUID()
    const [hers, his] = [Buffer.from('hers'), Buffer.from('his')]
    assert.equal((await send(ana, 'PUT', id, hers)).status, 200)
    const [foreign, unknown] = [await send(bob, 'GET', id), await send(bob, 'GET', randomUUID())]
    assert.deepEqual([foreign.status, foreign.code], [unknown.status, unknown.code])
    assert.equal((await send(bob, 'DELETE', id)).status, 204)
    assert.equal((await send(bob, 'PUT', id, his)).status, 200)
    assert.deepEqual((await send(ana, 'GET', id)).body, hers)
    assert.deepEqual((await send(bob, 'GET', id)).body, his)
    assert.equal((await fetch(`${system.api}/files/${id}`)).status, 401)
  })

  test('verifies what comes before it keeps any of it', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    const bytes = Buffer.from(randomBytes(300_000))
    const id = randomUUID()
    const wrong = await send(token, 'PUT', id, bytes, { 'content-digest': digestOf(Buffer.from('other')) })
    assert.deepEqual([wrong.status, wrong.code], [422, 'DIGEST_MISMATCH'])
    for (const digest of ['', 'md5=:AAAA:', 'sha-256=:AAAA:'])
      assert.equal((await send(token, 'PUT', id, bytes, { 'content-digest': digest })).status, 400)
    assert.equal((await send(token, 'PUT', 'no-uuid', bytes)).status, 400)
    assert.equal((await send(token, 'PUT', id, bytes, { 'content-type': 'text/plain' })).status, 415)
    assert.equal((await send(token, 'PUT', id, bytes, { 'content-encoding': 'gzip' })).status, 415)
    assert.equal((await send(token, 'PUT', id, Buffer.alloc(0))).status, 400)
    assert.equal(await rows(user).then((found) => found?.files), 0)
  })

  test('takes the largest file, and refuses one byte more, told or not', async () => {
    const token = await system.token(randomUUID())
    const largest = Buffer.alloc(wireLimit)
    assert.equal((await send(token, 'PUT', randomUUID(), largest)).status, 200)
    const over = Buffer.alloc(wireLimit + 1)
    assert.deepEqual((await send(token, 'PUT', randomUUID(), over)).code, 'BODY_TOO_LARGE')
    const untold = new Promise<number | undefined>((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/octet-stream',
        'content-digest': digestOf(over),
        'transfer-encoding': 'chunked',
      }
      request(`${system.api}/files/${randomUUID()}`, { method: 'PUT', headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
        .on('error', reject)
        .end(over)
    })
    assert.equal(await untold, 413)
  })

  test('never changes a file, and takes the same again without counting it twice', async () => {
    const token = await system.token(randomUUID())
    const id = randomUUID()
    const bytes = Buffer.from(randomBytes(1_000))
    assert.equal((await send(token, 'PUT', id, bytes)).remaining, quotas.free - 1_000)
    assert.equal((await send(token, 'PUT', id, bytes)).remaining, quotas.free - 1_000)
    const other = await send(token, 'PUT', id, Buffer.from('other'))
    assert.deepEqual([other.status, other.code], [409, 'FILE_EXISTS'])
  })

  test('counts files in the same quota as entities, to the byte', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    const kept = randomUUID()
    await send(token, 'PUT', kept, Buffer.alloc(5_000))
    await withClient(system.adminUrl, (client) =>
      client.query('UPDATE srv_users SET held_bytes = $2 WHERE user_id = $1', [user, quotas.free - 100]),
    )
    const full = await send(token, 'PUT', randomUUID(), Buffer.alloc(101))
    assert.deepEqual([full.status, full.code, full.remaining], [413, 'QUOTA_EXCEEDED', 100])
    assert.equal((await send(token, 'PUT', randomUUID(), Buffer.alloc(100))).remaining, 0)
    assert.equal((await send(token, 'DELETE', kept)).remaining, 5_000)
  })

  test('keeps nothing of a file whose sender went away', async () => {
    const user = randomUUID()
    const token = await system.token(user)
    const bytes = Buffer.alloc(100_000)
    const { hostname, port } = new URL(system.api)
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          [
            `PUT /files/${randomUUID()} HTTP/1.1`,
            'Host: api',
            `Authorization: Bearer ${token}`,
            'Content-Type: application/octet-stream',
            `Content-Digest: ${digestOf(bytes)}`,
            `Content-Length: ${bytes.length}`,
            '',
            '',
          ].join('\r\n'),
        )
        socket.write(bytes.subarray(0, 60_000), () => socket.destroy())
      })
      socket.on('close', () => resolve())
    })
    assert.equal((await send(token, 'PUT', randomUUID(), Buffer.from('next'))).status, 200)
    assert.deepEqual(await rows(user), { files: 1, chunks: 1, held: 4 })
  })
})
