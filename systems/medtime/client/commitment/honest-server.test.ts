import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ServerDouble, serverDouble } from '../server-double.ts'
import { createSyncClient } from '../sync-client.ts'
import type { Warning } from './notice.ts'

/*
 * An honest server never raises an alarm: whatever the order in which devices write, whatever answers are lost, however often the server
 * is restored. After a restore a device may be told that something is still missing, and nothing else.
 */

const user = '3f0c1a52-0000-4000-8000-000000000001'
const ids = ['02', '03', '04'].map((end) => `3f0c1a52-0000-4000-8000-0000000000${end}`)

/** From a request of an act on nobody is reached; the first one was carried out before its answer was lost, or was not. */
interface Cut {
  after: number
  carriedOut: boolean
}

interface Act {
  what: 'put' | 'remove' | 'push' | 'pull' | 'sync' | 'mine' | 'theirs' | 'forget'
  id: string
  cut: Cut | undefined
}

const act: fc.Arbitrary<Act> = fc.record({
  what: fc.constantFrom('put', 'sync', 'put', 'sync', 'push', 'pull', 'mine', 'theirs', 'remove', 'forget'),
  id: fc.constantFrom(...ids),
  cut: fc.option(fc.record({ after: fc.nat({ max: 4 }), carriedOut: fc.boolean() }), { freq: 3, nil: undefined }),
})

const story = fc.record({
  pageSize: fc.integer({ min: 1, max: 4 }),
  devices: fc.array(fc.array(act, { maxLength: 10 }), { minLength: 2, maxLength: 4 }),
  restores: fc.array(fc.record({ commits: fc.nat({ max: 6 }), turns: fc.integer({ min: 1, max: 15 }) }), {
    maxLength: 2,
  }),
})

function simulated(server: ServerDouble, name: string, turn: () => Promise<void>) {
  const warnings: Warning[] = []
  let cut: Cut | undefined
  let writes = 0
  const create = () =>
    createSyncClient({
      address: 'http://server.test',
      token: async () => 'token',
      user,
      device: name,
      masterKeys: [new Uint8Array(32).fill(7)],
      clock: { now: () => 0, sleep: async () => {} },
      random: () => 0.5,
      marks: { everyMs: 0 },
      onNotice: (notice) => {
        if (notice.kind !== 'server-restored' && notice.kind !== 'trust-on-first-use') warnings.push(notice)
      },
      fetch: async (input, init) => {
        await turn()
        if (cut === undefined || cut.after-- > 0) return server.fetch(input, init)
        if (cut.carriedOut) await server.fetch(input, init)
        cut.carriedOut = false
        throw new TypeError('fetch failed')
      },
    })
  let client = create()
  const carryOut = async ({ what, id }: Act): Promise<unknown> => {
    switch (what) {
      case 'put':
        return client.put('dose', id, new TextEncoder().encode(`${name} ${++writes}`))
      case 'remove':
        return client.remove('dose', id)
      case 'mine':
      case 'theirs':
        return client.resolve(id, what)
      case 'forget':
        // A phone that was wiped: the same name, nothing remembered, and what it had not sent is gone.
        client = create()
        return
      default:
        return client[what]()
    }
  }
  return {
    warnings,
    perform: async (next: Act): Promise<void> => {
      cut = next.cut && { ...next.cut }
      await carryOut(next).catch(() => undefined)
      cut = undefined
    },
    /** Decides whatever is open for ours, and syncs. */
    settle: async (): Promise<void> => {
      await client.sync()
      for (const { id } of await client.conflicts()) await client.resolve(id, 'mine').catch(() => undefined)
      await client.sync()
    },
  }
}

const runs = Number(process.env['AVAL_PROPERTY_RUNS'] ?? 60)

test('an honest server raises no alarm, whatever is lost and however often it is restored', async () => {
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
      const rounds = async () => {
        for (let round = 0; round < 4; round++) for (const { settle } of all) await settle()
      }
      await scheduler.waitFor(rounds())
      const allowed = restores.length === 0 ? [] : ['restore-incomplete']
      for (const { warnings } of all) {
        assert.deepEqual(
          warnings.filter(({ kind }) => !allowed.includes(kind)),
          [],
        )
      }
      // Whoever comes new finds everything borne out.
      const fresh = simulated(server, 'fresh', async () => {})
      await fresh.settle()
      assert.deepEqual(fresh.warnings, [])
    }),
    { numRuns: runs },
  )
})

test('32 devices that write at once raise no alarm', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const server = serverDouble(25)
      const turn = scheduler.scheduleFunction(async () => {})
      const all = Array.from({ length: 32 }, (_, index) => simulated(server, `device-${index}`, turn))
      const lives = all.map(async ({ perform }, index) => {
        for (let round = 0; round < 3; round++) {
          const id = ids[(index + round) % ids.length] ?? ''
          await perform({ what: round % 2 === 0 ? 'put' : 'mine', id, cut: undefined })
          await perform({ what: 'sync', id, cut: undefined })
        }
      })
      await scheduler.waitFor(Promise.all(lives))
      assert.deepEqual(
        all.flatMap(({ warnings }) => warnings),
        [],
      )
    }),
    { numRuns: Math.max(2, Math.ceil(runs / 75)) },
  )
})
