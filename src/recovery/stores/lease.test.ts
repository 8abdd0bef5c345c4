import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { Clock } from '../../clock.ts'
import { AvalError, failure } from '../../errors.ts'
import { seededRandom } from '../../random.ts'
import { once, type Repository } from '../repository/repository.ts'
import { keepLease, type Lease, type LeaseHolder, takeLease, underLease } from './lease.ts'
import { memoryStore } from './memory-store.fixture.ts'
import type { Store } from './store.ts'

const minute = 60_000
const [madrid, lima]: [LeaseHolder, LeaseHolder] = [
  { id: 'a', name: 'madrid' },
  { id: 'b', name: 'lima' },
]

/** A clock that stands still until it is moved; sleepers wake when their moment has come. */
function handClock() {
  let time = Date.parse('2026-02-03T04:05:06Z')
  const sleepers = new Set<{ at: number; wake: () => void }>()
  const clock: Clock & { pass(ms: number): Promise<void> } = {
    now: () => time,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: time + ms, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
    pass: async (ms) => {
      time += ms
      for (const sleeper of sleepers) {
        if (sleeper.at > time) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
      // What woke up does its work, all of it in memory, before the test goes on.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
  }
  return clock
}

/**
 * A repository without encryption: all its work is done in turns of the event loop, none in threads, so that a test that moves the
 * clock knows when everything has happened.
 */
function plainRepository(store: Store): Repository {
  return {
    system: 'shop',
    store,
    keyId: 'none',
    digest: () => '',
    digestOf: async () => '',
    put: async (key, content, { replace = false } = {}) => {
      const { outcome, size } = await store.put(key, content, { ifAbsent: !replace })
      if (outcome === 'exists') throw failure('OBJECT_CONFLICT', { object: key })
      return { key, outcome, storedBytes: size }
    },
    read: async (key) => {
      const content = await store.get(key)
      if (!content) throw failure('OBJECT_MISSING', { object: key, place: store.place })
      return { meta: {}, text: content, close: async () => undefined }
    },
  }
}

suite('the right to write to a repository', { timeout: 60_000 }, () => {
  let repository: Repository
  let clock: ReturnType<typeof handClock>
  const take = (holder: LeaseHolder) => takeLease({ repository, holder, clock })
  const fresh = async () => {
    clock = handClock()
    repository = plainRepository(memoryStore().store)
  }

  test('a second machine is refused, and told by whom and until when', async () => {
    await fresh()
    assert.equal((await take(madrid)).generation, 1)
    await assert.rejects(take(lima), (error) => {
      assert.ok(error instanceof AvalError && error.code === 'REPOSITORY_HELD')
      assert.match(error.message, /madrid until 2026-02-03T04:06:16.000Z \(generation 1\)/)
      return true
    })
  })

  test('two processes of one machine share it', async () => {
    await fresh()
    const [receiver, backup] = [await take(madrid), await take(madrid)]
    assert.deepEqual([receiver.generation, backup.generation], [1, 1])
    await clock.pass(minute / 2)
    await receiver.renew()
    await backup.renew()
    receiver.check()
    backup.check()
  })

  test('once it ran out it is taken over in the next generation, and the former holder writes no more', async () => {
    await fresh()
    const former = await take(madrid)
    const guarded = underLease(repository, former)
    await guarded.put('wal/one', once(Buffer.from('x')))
    await clock.pass(minute + 10_001)
    const next = await take(lima)
    assert.equal(next.generation, 2)
    await assert.rejects(former.renew(), /lima holds generation 2/)
    await assert.rejects(guarded.put('wal/two', once(Buffer.from('x'))), /lima holds generation 2/)
    await assert.rejects(guarded.store.delete('wal/one'), { code: 'REPOSITORY_LEASE_LOST' })
    assert.equal(await repository.store.stat('wal/two'), undefined)
    assert.ok(await guarded.store.stat('wal/one'), 'reading goes on')
    await underLease(repository, next).put('wal/two', once(Buffer.from('x')))
  })

  test('is not taken over before clocks that differ agree that it ran out', async () => {
    await fresh()
    await take(madrid)
    await clock.pass(minute + 9_999)
    await assert.rejects(take(lima), { code: 'REPOSITORY_HELD' })
  })

  test('that ran out unnoticed is renewed when nobody took it', async () => {
    await fresh()
    const lease = await take(madrid)
    await clock.pass(10 * minute)
    assert.throws(() => lease.check(), /ran out at 2026-02-03T04:06:06/)
    await lease.renew()
    lease.check()
    await assert.rejects(take(lima), { code: 'REPOSITORY_HELD' })
  })

  test('a write renews it on the way, so that the longest of all keeps it', async () => {
    await fresh()
    const lease = await take(madrid)
    async function* slow() {
      for (let part = 0; part < 10; part++) {
        await clock.pass(minute / 2)
        await assert.rejects(take(lima), { code: 'REPOSITORY_HELD' })
        yield Buffer.from('x')
      }
    }
    await underLease(repository, lease).put('backups/long/base.tar', slow())
    lease.check()
  })

  test('is kept as long as its keeper runs, and lost only with the store away for its whole time', async () => {
    await fresh()
    const lease = await take(madrid)
    const troubles: unknown[] = []
    const stop = keepLease(lease, { clock, onTrouble: (error) => troubles.push(error) })
    for (let passed = 0; passed < 5 * minute; passed += 5_000) {
      await clock.pass(5_000)
      lease.check()
    }
    assert.deepEqual(troubles, [])
    await stop()
    await clock.pass(2 * minute)
    assert.throws(() => lease.check(), { code: 'REPOSITORY_LEASE_LOST' })
  })

  test('a keeper that was suspended finds out that it was taken over, and says so once', async () => {
    await fresh()
    const lease = await take(madrid)
    await clock.pass(2 * minute)
    await take(lima)
    const troubles: unknown[] = []
    const stop = keepLease(lease, { clock, onTrouble: (error) => troubles.push(error) })
    await clock.pass(minute)
    await clock.pass(minute)
    await stop()
    assert.equal(troubles.length, 1)
    assert.match(String(troubles[0]), /lima holds generation 2/)
  })

  test('where a store lets two writers both win, the claim that stands counts', async () => {
    clock = handClock()
    const { store, objects } = memoryStore()
    const careless: Store['put'] = (key, content) => store.put(key, content, { ifAbsent: false })
    const overwriting = { ...store, put: careless }
    repository = plainRepository(overwriting)
    const taking = [madrid, lima].map((holder) => takeLease({ repository, holder, clock, settleMs: 3_000 }))
    const outcomes = Promise.allSettled(taking)
    await clock.pass(0)
    await clock.pass(3_000)
    const kinds = (await outcomes).map(({ status }) => status).sort()
    assert.deepEqual(kinds, ['fulfilled', 'rejected'])
    assert.equal([...objects.keys()].filter((key) => key.startsWith('lease/')).length, 1)
  })

  test('however three machines interleave, pause and come back, never two hold it at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer(),
        fc.array(fc.integer({ min: -5_000, max: 5_000 }), { minLength: 3, maxLength: 3 }),
        async (scheduler, seed, offsets) => {
          const random = seededRandom(seed)
          let time = Date.parse('2026-02-03T04:05:06Z')
          const held = new Map<string, Lease>()
          const valid = (lease: Lease) => {
            try {
              lease.check()
              return true
            } catch {
              return false
            }
          }
          const step = async (what: string) => {
            await scheduler.schedule(Promise.resolve(), what)
            // Mostly a moment, now and then long enough for a lease to run out.
            time += random.next() < 0.15 ? random.int(100_000) : random.int(50)
            const holders = [...held].filter(([, lease]) => valid(lease)).map(([name]) => name)
            assert.ok(holders.length <= 1, `${holders.join(' and ')} both hold it`)
          }
          let scheduling = false
          const { store } = memoryStore(async (what) => scheduling && step(what))
          const repositories = new Map<string, Repository>()
          const names = ['madrid', 'lima', 'quito']
          for (const name of names) {
            repositories.set(name, plainRepository(store))
          }
          scheduling = true
          const machine = async (name: string, offset: number) => {
            const machineClock: Clock = { now: () => time + offset, sleep: async () => step('sleep') }
            const own = repositories.get(name)
            assert.ok(own)
            for (let round = 0; round < 4; round++) {
              try {
                const lease =
                  held.get(name) ??
                  (await takeLease({ repository: own, holder: { id: name, name }, clock: machineClock }))
                held.set(name, lease)
                await lease.renew()
              } catch (error) {
                if (!(error instanceof AvalError)) throw error
                held.delete(name)
              }
            }
          }
          await scheduler.waitFor(Promise.all(names.map((name, index) => machine(name, offsets[index] ?? 0))))
        },
      ),
      { numRuns: 150, endOnFailure: true },
    )
  })
})
