import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { startSystem, type TestSystem } from './system.ts'

/*
 * Many devices of one user push at once while others pull. Whatever the order, the server must agree with the model: of each
 * entity the versions that were accepted form an unbroken chain, each was accepted exactly once, and a device that followed
 * its cursor has at the end what a device has that asks for everything.
 */

let system: TestSystem

before(async () => {
  system = await startSystem()
})
after(() => system.stop())

const writers = 32
const entityIds = Array.from({ length: 12 }, () => randomUUID())

const pushed = z.object({ synced: z.number(), epoch: z.number() })
const refused = z.object({
  conflicts: z.array(z.object({ id: z.string(), server_version: z.number(), server_checksum: z.string() })),
})
const page = z.object({
  entities: z.array(z.object({ id: z.string(), version: z.number(), checksum: z.string() })),
  cursor: z.string(),
  has_more: z.boolean(),
})

interface Write {
  id: string
  version: number
  checksum: string
}

function entity(id: string, version: number, text: string) {
  const blob = Buffer.from(text)
  return {
    id,
    entity_type: 'dose',
    version,
    deleted: false,
    key_id: 'k',
    encrypted_blob: blob.toString('base64'),
    checksum: createHash('sha256').update(blob).digest('hex'),
  }
}

async function call(token: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
  const response = await fetch(system.api + path, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  return { status: response.status, json: await response.json() }
}

/** One device: tries to write its batches, taking over the server's versions when it meets a conflict. */
async function writer(token: string, name: string, batches: readonly (readonly number[])[]): Promise<Write[]> {
  const accepted: Write[] = []
  const known = new Map<string, number>()
  for (const [turn, batch] of batches.entries()) {
    for (let attempt = 0; attempt < 3; attempt++) {
      const entities = batch.map((index) => {
        const id = entityIds[index] ?? ''
        return entity(id, (known.get(id) ?? 0) + 1, `${name} ${turn} ${attempt} ${id}`)
      })
      const { status, json } = await call(token, '/sync/push', { device_id: name, entities })
      if (status === 200) {
        assert.equal(pushed.parse(json).synced, entities.length)
        accepted.push(...entities)
        for (const { id, version } of entities) known.set(id, version)
        break
      }
      assert.equal(status, 409, JSON.stringify(json))
      for (const { id, server_version } of refused.parse(json).conflicts) known.set(id, server_version)
    }
  }
  return accepted
}

/** One device that only follows its cursor, page by page, until the writers are done and nothing is left. */
async function follower(token: string, limit: number, done: () => boolean): Promise<Map<string, Write>> {
  const held = new Map<string, Write>()
  let cursor = ''
  for (;;) {
    const last = done()
    const query = `limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`
    const { status, json } = await call(token, `/sync/pull?${query}`)
    assert.equal(status, 200)
    const { entities, cursor: next, has_more } = page.parse(json)
    for (const entity of entities) {
      assert.ok((held.get(entity.id)?.version ?? 0) < entity.version, 'a version comes once, and never an older one')
      held.set(entity.id, entity)
    }
    cursor = next
    if (last && !has_more) return held
  }
}

test('32 devices push to one user at once: every accepted version is there once and no pull skips one', async () => {
  const batch = fc.uniqueArray(fc.nat(entityIds.length - 1), { minLength: 1, maxLength: 6 })
  const schedule = fc.array(fc.array(batch, { minLength: 1, maxLength: 3 }), { minLength: writers, maxLength: writers })
  await fc.assert(
    fc.asyncProperty(schedule, fc.integer({ min: 1, max: 5 }), async (batchesOf, limit) => {
      const token = await system.token(randomUUID())
      let finished = false
      const following = [follower(token, limit, () => finished), follower(token, 100, () => finished)]
      const accepted = (
        await Promise.all(batchesOf.map((batches, index) => writer(token, `device-${index}`, batches)))
      ).flat()
      finished = true
      const followed = await Promise.all(following)

      const chains = new Map<string, Write[]>()
      for (const write of accepted) chains.set(write.id, [...(chains.get(write.id) ?? []), write])
      const newest = new Map<string, string>()
      for (const [id, writes] of chains) {
        const versions = writes.map((write) => write.version).sort((a, b) => a - b)
        assert.deepEqual(
          versions,
          versions.map((_, index) => index + 1),
          'each version was accepted exactly once',
        )
        newest.set(id, writes.find((write) => write.version === versions.length)?.checksum ?? '')
      }
      const stored = page.parse((await call(token, '/sync/pull?limit=100')).json)
      const checksums = (writes: Iterable<Write>) => new Map([...writes].map((write) => [write.id, write.checksum]))
      assert.deepEqual(checksums(stored.entities), newest, 'the server holds the newest accepted version of each')
      for (const held of followed) assert.deepEqual(checksums(held.values()), newest, 'a cursor skipped nothing')
    }),
    { numRuns: 6, endOnFailure: true },
  )
})

test('a push repeated by many connections at once is written once', async () => {
  const token = await system.token(randomUUID())
  const body = { device_id: 'phone', entities: entityIds.map((id) => entity(id, 1, `first of ${id}`)) }
  const answers = await Promise.all(Array.from({ length: writers }, () => call(token, '/sync/push', body)))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  const stored = page.parse((await call(token, '/sync/pull?limit=100')).json)
  assert.equal(stored.entities.length, entityIds.length)
  assert.deepEqual(
    new Set(answers.map(({ json }) => z.object({ cursor: z.string() }).parse(json).cursor)),
    new Set([stored.cursor]),
  )
})

test('pushes of the same entities in opposite order do not wait for each other for ever', async () => {
  const token = await system.token(randomUUID())
  const forth = entityIds.map((id) => entity(id, 1, 'forth'))
  const back = entityIds.toReversed().map((id) => entity(id, 1, 'back'))
  const answers = await Promise.all(
    Array.from({ length: writers }, (_, index) =>
      call(token, '/sync/push', { device_id: `device-${index}`, entities: index % 2 === 0 ? forth : back }),
    ),
  )
  assert.ok(answers.every(({ status }) => status === 200 || status === 409))
})
