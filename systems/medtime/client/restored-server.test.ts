import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { settle, type WorkingDevice } from '../exercise/actor.ts'
import { fateOf } from '../exercise/read-back.ts'
import { markType } from './commitment/mark.ts'
import type { TamperReport } from './report.ts'
import type { SealedEntity } from './sealed-entity.ts'
import { type ServerDouble, serverDouble } from './server-double.ts'
import { createSyncClient, type SyncClient } from './sync-client.ts'

const user = '3f0c1a52-0000-4000-8000-000000000001'
const ids = ['3f0c1a52-0000-4000-8000-000000000002', '3f0c1a52-0000-4000-8000-000000000003'] as const

/** From a request of an act on nobody is reached; the first one was carried out before its answer was lost, or was not. */
interface Cut {
  after: number
  carriedOut: boolean
}

interface Act {
  what: 'put' | 'remove' | 'push' | 'pull' | 'sync' | 'mine' | 'theirs' | 'settle'
  id: (typeof ids)[number]
  cut: Cut | undefined
}

const act: fc.Arbitrary<Act> = fc.record({
  what: fc.constantFrom('put', 'push', 'sync', 'pull', 'put', 'settle', 'mine', 'remove', 'theirs'),
  id: fc.constantFrom(...ids),
  cut: fc.option(fc.record({ after: fc.nat({ max: 3 }), carriedOut: fc.boolean() }), { freq: 3, nil: undefined }),
})

const story = fc.record({
  pageSize: fc.integer({ min: 1, max: 3 }),
  devices: fc.array(fc.array(act, { maxLength: 10 }), { minLength: 2, maxLength: 3 }),
  /** Commits that each restore forgets, and the turns that pass before it. */
  restores: fc.array(fc.record({ commits: fc.nat({ max: 5 }), turns: fc.integer({ min: 1, max: 12 }) }), {
    minLength: 1,
    maxLength: 2,
  }),
})

/** A device whose every request waits for its turn, and what it was told. */
function simulated(server: ServerDouble, name: string, turn: () => Promise<void>) {
  const pushed: SealedEntity[] = []
  const tampering: TamperReport[] = []
  let cut: Cut | undefined
  let writes = 0
  const real = createSyncClient({
    address: 'http://server.test',
    token: async () => 'token',
    user,
    device: name,
    masterKeys: [new Uint8Array(32).fill(7)],
    clock: { now: () => 0, sleep: async () => {} },
    random: () => 0.5,
    fetch: async (input, init) => {
      await turn()
      if (cut === undefined || cut.after-- > 0) return server.fetch(input, init)
      if (cut.carriedOut) await server.fetch(input, init)
      cut.carriedOut = false
      throw new TypeError('fetch failed')
    },
  })
  const note = <T extends { pushed?: SealedEntity[]; tampering: TamperReport[] }>(report: T): T => {
    pushed.push(...(report.pushed ?? []))
    tampering.push(...report.tampering)
    return report
  }
  const client: SyncClient = {
    ...real,
    push: async () => note(await real.push()),
    pull: async () => note(await real.pull()),
    sync: async () => note(await real.sync()),
  }
  const working: WorkingDevice = {
    id: name,
    user,
    device: { client, attempt: (work) => work(client) },
    known: new Map(),
    owes: false,
    operations: 0,
  }
  const carryOut = async ({ what, id }: Act): Promise<unknown> => {
    switch (what) {
      case 'put':
        return client.put('dose', id, new TextEncoder().encode(`${name} ${++writes}`))
      case 'remove':
        return client.remove('dose', id)
      case 'settle':
        return settle([working])
      case 'mine':
      case 'theirs':
        return client.resolve(id, what)
      default:
        return client[what]()
    }
  }
  return {
    client,
    working,
    pushed,
    tampering,
    perform: async (next: Act): Promise<void> => {
      cut = next.cut && { ...next.cut }
      // Cut off, refused for an open conflict, overtaken for ever by the others: what a person meets, and goes on.
      await carryOut(next).catch(() => undefined)
      cut = undefined
    },
  }
}

/** Two deletions say the same, whoever made them. */
function kept(write: SealedEntity, server: ServerDouble): boolean {
  const row = server.rows().get(write.id)
  return fateOf(write, row) === 'kept' || (write.deleted && row?.deleted === true && row.version === write.version)
}

const runs = Number(process.env.AVAL_PROPERTY_RUNS ?? 200)

test('after restores devices settle on the same, believe the server, and lose nothing acknowledged', async () => {
  await fc.assert(
    fc.asyncProperty(story, fc.scheduler(), async ({ pageSize, devices, restores }, scheduler) => {
      const server = serverDouble(pageSize)
      const turn = scheduler.scheduleFunction(async () => {})
      const all = devices.map((acts, index) => ({ acts, ...simulated(server, `device-${index}`, turn) }))
      const lives = all.map(async ({ acts, perform }) => {
        for (const each of acts) {
          await turn()
          await perform(each)
        }
      })
      const operator = async () => {
        for (const { commits, turns } of restores) {
          for (let passed = 0; passed < turns; passed++) await turn()
          server.restore(commits)
        }
      }
      await scheduler.waitFor(Promise.all([...lives, operator()]))
      await scheduler.waitFor(settle(all.map(({ working }) => working)))

      const givenUp = new Set<string>(devices.flat().flatMap(({ what, id }) => (what === 'theirs' ? [id] : [])))
      const stored = [...server.rows().values()]
        .filter(({ entity_type }) => entity_type !== markType)
        .map(({ id, version, checksum }) => `${id} ${version} ${checksum}`)
      for (const { client, pushed, tampering } of all) {
        assert.deepEqual(tampering, [])
        assert.deepEqual(await client.conflicts(), [])
        const held = (await client.held()).map(({ id, version, checksum }) => `${id} ${version} ${checksum}`)
        assert.deepEqual(held.sort(), stored.sort())
        const promised = pushed.filter(({ id }) => !givenUp.has(id))
        assert.deepEqual(
          promised.filter((write) => !kept(write, server)),
          [],
        )
      }
    }),
    { numRuns: runs },
  )
})
