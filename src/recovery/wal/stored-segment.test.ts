import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { layout } from '../repository/layout.ts'
import { once, openRepository, type Repository } from '../repository/repository.ts'
import { directoryStore } from '../stores/directory-store.ts'
import type { Store, StoredEntry } from '../stores/store.ts'
import { readSegment, segmentNow } from './stored-segment.ts'
import { coveredBytes, readInventory, type StoredSegment } from './wal-inventory.ts'

const segmentBytes = 16 * 1024 * 1024
const segment = { timeline: 1, number: 3n }

test('a segment whose pieces are joined while it is read is read all the same', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-segment-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const store = directoryStore(directory)
  let blind = 0
  // What a listing shows that began before the joined piece was there and ended after its parts had gone.
  const meanwhile: Store = {
    ...store,
    list: async function* (prefix) {
      if (blind-- > 0) return
      yield* store.list(prefix)
    },
  }
  const repository = await openRepository({ store: meanwhile, key: new Uint8Array(32).fill(9), system: 'shop' })
  const at = (from: number, to: number) => `${layout.pieces(segment, segmentBytes)}${hex(from)}-${hex(to)}`
  await repository.put(at(0, 4), once(Buffer.from('abcd')))
  await repository.put(at(4, 8), once(Buffer.from('efgh')))
  const known = await segmentNow(repository, segment, segmentBytes)
  assert.equal(known.pieces.length, 2)

  await repository.put(at(0, 8), once(Buffer.from('abcdefgh')))
  for (const key of [at(0, 4), at(4, 8)]) await store.delete(key)
  blind = 2
  assert.equal(await textOf(repository, known), 'abcdefgh')

  await store.delete(at(0, 8))
  await assert.rejects(textOf(repository, known), { code: 'OBJECT_MISSING' })
})

test('an inventory that is made while pieces are joined shows them joined or apart, never neither', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-inventory-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const store = directoryStore(directory)
  const at = (from: number, to: number) => `${layout.pieces(segment, segmentBytes)}${hex(from)}-${hex(to)}`
  let joining = false
  const meanwhile: Store = {
    ...store,
    list: async function* (prefix) {
      const known: StoredEntry[] = []
      for await (const entry of store.list(prefix)) known.push(entry)
      if (joining) {
        joining = false
        await repository.put(at(0, 8), once(Buffer.from('abcdefgh')))
        for (const key of [at(0, 4), at(4, 8)]) await store.delete(key)
      }
      for (const entry of known) if (await store.stat(entry.key)) yield entry
    },
  }
  const repository = await openRepository({ store: meanwhile, key: new Uint8Array(32).fill(9), system: 'shop' })
  await repository.put(at(0, 4), once(Buffer.from('abcd')))
  await repository.put(at(4, 8), once(Buffer.from('efgh')))
  await repository.put(at(8, 12), once(Buffer.from('ijkl')))
  joining = true
  const inventory = await readInventory(repository, segmentBytes)
  const stored = inventory.timelines.get(1)?.get(3n)
  assert.equal(coveredBytes(stored, segmentBytes), 12)
  assert.ok(stored)
  assert.equal(await textOf(repository, stored), 'abcdefghijkl')
})

async function textOf(repository: Repository, stored: StoredSegment): Promise<string> {
  const text = Buffer.alloc(coveredBytes(stored, segmentBytes))
  await readSegment(repository, stored, segmentBytes, (bytes, at) => {
    text.set(bytes, at)
  })
  return text.toString()
}

function hex(offset: number): string {
  return offset.toString(16).toUpperCase().padStart(8, '0')
}
