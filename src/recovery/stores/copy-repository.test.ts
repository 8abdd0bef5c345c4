import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../clock.ts'
import { repositoryKey } from '../cluster.fixture.ts'
import { once, openRepository } from '../repository/repository.ts'
import { copyRepository } from './copy-repository.ts'
import { startCopying } from './copying.ts'
import { memoryStore } from './memory-store.fixture.ts'
import type { Store } from './store.ts'
import { keysOf, text } from './store-contract.fixture.ts'

const segment = (number: number) => `wal/00000001/0000000100000000000000${number.toString(16).padStart(2, '0')}`

async function filled() {
  const source = memoryStore()
  await openRepository({ store: source.store, key: repositoryKey, system: 'shop' })
  const keys = [
    'server',
    'history/00000002',
    segment(1),
    segment(2),
    'partial/00000001/000000010000000000000003/00000000-00000100',
    'backups/20260203T040506Z-1a2b3c4d/base.tar',
    'backups/20260203T040506Z-1a2b3c4d/manifest',
    'backups/20260203T040506Z-1a2b3c4d/backup',
    'catalog/20260203T040506Z-1a2b3c4d',
    'holds/20260203T040506Z-1a2b3c4d/x',
    'head',
  ]
  for (const key of keys) await source.store.put(key, text(`content of ${key}`), { ifAbsent: true })
  return source
}

const copy = (from: Store, to: Store) => copyRepository({ from, to, clock: systemClock })

/** What must be there before an object may be: else a restore from the copy would promise what it cannot keep. */
function brokenPromise(keys: ReadonlySet<string>): string | undefined {
  if (keys.size > 0 && !keys.has('repository')) return 'objects without the first one'
  for (const key of keys) {
    const backup = /^backups\/([^/]+)\/backup$/.exec(key)?.[1]
    if (backup && !['base.tar', 'manifest'].every((part) => keys.has(`backups/${backup}/${part}`))) return key
    if (backup && !(keys.has(segment(1)) && keys.has(segment(2)))) return `${key} before its WAL`
    const listed = /^catalog\/(.+)$/.exec(key)?.[1]
    if (listed && !keys.has(`backups/${listed}/backup`)) return `${key} before its backup`
  }
  return keys.has('head') && !keys.has(segment(2)) ? 'head before the WAL it tells of' : undefined
}

suite('a copy of a repository', () => {
  test('holds every object, byte for byte, and the next time copies nothing', async () => {
    const [source, target] = [await filled(), memoryStore()]
    const first = await copy(source.store, target.store)
    assert.equal(first.objects, source.objects.size - 1, 'all but the head, which is written at the end')
    assert.deepEqual(target.objects, new Map([...target.objects.keys()].map((key) => [key, source.objects.get(key)])))
    assert.equal(target.objects.size, source.objects.size)
    const again = await copy(source.store, target.store)
    assert.deepEqual([again.objects, again.present], [0, first.objects])
    await source.store.put(segment(3), text('more'), { ifAbsent: true })
    assert.equal((await copy(source.store, target.store)).objects, 1)
  })

  test('leaves out what belongs to one store alone', async () => {
    const [source, target] = [await filled(), memoryStore()]
    for (const key of ['lease/00000001', 'probe/x', 'reading/x', 'checked/x']) {
      await source.store.put(key, text('x'), { ifAbsent: true })
    }
    await copy(source.store, target.store)
    assert.deepEqual(
      (await keysOf(target.store, '')).filter((key) => /^(?:lease|probe|reading|checked)/.test(key)),
      [],
    )
  })

  test('broken off at any point can be restored to something, and the same call finishes it', async () => {
    const source = await filled()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 3 }), async (breaks) => {
        const target = memoryStore()
        for (const puts of breaks) {
          let left = puts
          const failing: Store = {
            ...target.store,
            put: async (...args) => {
              if (left-- <= 0) throw new Error('power lost')
              return target.store.put(...args)
            },
          }
          await copy(source.store, failing).catch((error: unknown) => assert.match(String(error), /power lost/))
          assert.equal(brokenPromise(new Set(target.objects.keys())), undefined)
        }
        await copy(source.store, target.store)
        assert.equal(target.objects.size, source.objects.size)
      }),
      { numRuns: 60 },
    )
  })

  test('never loses what the source removed, and does not bring back what its own retention removed', async () => {
    const [source, target] = [await filled(), memoryStore()]
    await copy(source.store, target.store)
    await source.store.delete(segment(1))
    await copy(source.store, target.store)
    assert.ok(target.objects.has(segment(1)))
    const id = '20260203T040506Z-1a2b3c4d'
    for (const key of [...target.objects.keys()]) if (key.includes(id)) target.objects.delete(key)
    await target.store.put(`removed/${id}`, text('x'), { ifAbsent: true })
    await copy(source.store, target.store)
    assert.deepEqual(await keysOf(target.store, `backups/${id}`), [])
  })

  test('says a head that never reaches beyond its WAL, whatever the source stores meanwhile', async () => {
    const [source, target] = [await filled(), memoryStore()]
    let next = 3
    const busy: Store = {
      ...source.store,
      list: async function* (prefix) {
        yield* source.store.list(prefix)
        // A receiver at work: WAL first, then the head.
        await source.store.put(segment(next), text('x'), { ifAbsent: true })
        await source.store.put('head', text(`up to ${next}`), { ifAbsent: false })
        next++
      },
    }
    await copy(busy, target.store)
    assert.equal(target.objects.get('head')?.toString(), 'content of head')
    await copy(busy, target.store)
    const told = Number(/up to (\d+)/.exec(target.objects.get('head')?.toString() ?? '')?.[1])
    assert.ok(target.objects.has(segment(told)), `the head tells of segment ${told}`)
  })

  test('follows parts of a segment that are joined while it looks', async () => {
    const [source, target] = [await filled(), memoryStore()]
    const part = 'partial/00000001/000000010000000000000003/00000000-00000100'
    let joined = false
    const busy: Store = {
      ...source.store,
      get: async (key) => {
        if (key === part && !joined) {
          joined = true
          await source.store.put(segment(3), text('whole'), { ifAbsent: true })
          await source.store.delete(part)
        }
        return source.store.get(key)
      },
    }
    await copy(busy, target.store)
    assert.ok(target.objects.has(segment(3)))
    assert.ok(target.objects.has('head'))
  })

  test('refuses a store that holds something else, and changes nothing in it', async () => {
    const source = await filled()
    const other = memoryStore()
    const foreign = await openRepository({ store: other.store, key: repositoryKey, system: 'shop' })
    await foreign.put(segment(9), once(Buffer.from('x')))
    const before = new Map(other.objects)
    await assert.rejects(copy(source.store, other.store), { code: 'STORE_COPY_FOREIGN' })
    const letters = memoryStore()
    await letters.store.put('letters', text('x'), { ifAbsent: true })
    await assert.rejects(copy(source.store, letters.store), { code: 'STORE_COPY_FOREIGN' })
    assert.deepEqual([other.objects, letters.objects.size], [before, 1])
  })

  test('keeps nothing of an object that came shorter than it is', async () => {
    const [source, target] = [await filled(), memoryStore()]
    const cut: Store = {
      ...source.store,
      get: async (key) => (key === segment(2) ? text('cont') : source.store.get(key)),
    }
    await assert.rejects(copy(cut, target.store), { code: 'STORE_COPY_INCOMPLETE' })
    assert.ok(!target.objects.has(segment(2)))
    assert.equal(brokenPromise(new Set(target.objects.keys())), undefined)
  })

  test('runs by itself, waits out an outage that it tells once, and says how far it is behind', async () => {
    const [source, target] = [await filled(), memoryStore()]
    const troubles: unknown[] = []
    let down = true
    const to: Store = {
      ...target.store,
      put: (...args) => (down ? Promise.reject(new Error('away')) : target.store.put(...args)),
    }
    const copying = startCopying({
      from: source.store,
      to,
      everyMs: 5,
      clock: systemClock,
      onTrouble: (error) => troubles.push(error),
    })
    await copying.now()
    await copying.now()
    assert.deepEqual([troubles.length, copying.lagMs()], [1, undefined])
    down = false
    await copying.now()
    assert.ok((copying.lagMs() ?? Number.NaN) < 10_000)
    assert.equal(target.objects.size, source.objects.size)
    await copying.stop()
  })
})
