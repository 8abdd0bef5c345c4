import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import { parsePlan } from '../plan/plan.ts'
import { seededRandom } from '../random.ts'
import { startWatch, type WatchOptions } from './watch.ts'

const parsed = parsePlan({
  system: 'shop',
  probes: { beat: { heartbeat: '1h', every: '1h' } },
  incidents: {
    channels: { desk: { kind: 'console', reaches: 'the desk' } },
    routing: { groupInterval: '1s' },
    guarantees: { notify: ['desk'] },
  },
})
assert.ok('plan' in parsed, JSON.stringify(parsed))
const { plan } = parsed
const [{ id } = { id: '' }] = deriveGuarantees(plan)
assert.notEqual(id, '')

/** A watch in a folder, and all that it says of alerts. */
function watch(t: TestContext, directory: string, options: Pick<WatchOptions, 'guarantees' | 'verdictsAfterMs'>) {
  const told: string[] = []
  const trouble: string[] = []
  const ending = new AbortController()
  const { done } = startWatch({
    plan,
    directory,
    whereabouts: { serviceUrl: () => undefined, databaseUrls: () => undefined, dataPath: directory },
    clock: systemClock,
    random: seededRandom(1),
    variables: {},
    everyMs: 50,
    recoveryFacts: async () => ({
      backups: [],
      failures: new Map(),
      restorableUntilMs: undefined,
      oldestUnstoredMs: undefined,
      evidence: [],
    }),
    perform: {},
    listener: {
      noticed: ({ alerts }) => told.push(...alerts.map(({ alert, status }) => `${alert} ${status}`)),
      opened: () => undefined,
      acted: () => undefined,
      delivered: () => undefined,
      trouble: (what) => trouble.push(what),
    },
    signal: ending.signal,
    ...options,
  })
  const stop = async () => {
    ending.abort()
    await done
  }
  t.after(stop)
  return { told, trouble, stop }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!condition()) {
    assert.ok(Date.now() < deadline, `in time: ${what}`)
    await systemClock.sleep(10)
  }
}

test('a refuted guarantee is told of, a start before its verdict is known does not take that back, and its proof ends it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-watch-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const first = watch(t, directory, { guarantees: async () => [{ id, verdict: 'refuted' }], verdictsAfterMs: 0 })
  await until('it is told', () => first.told.length > 0)
  assert.deepEqual(first.told, [`guarantee:${id} firing`])
  await first.stop()

  let asked = 0
  const second = watch(t, directory, {
    guarantees: async () => {
      asked += 1
      return [{ id, verdict: 'proven' }]
    },
    verdictsAfterMs: 1_500,
  })
  // Longer than the group waits before it would say that it is over.
  const beganMs = Date.now()
  await until('the verdict is asked for', () => asked > 0)
  assert.ok(Date.now() - beganMs >= 1_500)
  assert.deepEqual(second.told, [])
  await until('its end is told', () => second.told.length > 0)
  assert.deepEqual(second.told, [`guarantee:${id} resolved`])
  await second.stop()
})

test('guarantees that cannot be read are told of and hold nothing up', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-watch-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const { trouble, stop } = watch(t, directory, {
    guarantees: async () => {
      throw new Error('no ledger')
    },
    verdictsAfterMs: 0,
  })
  await until('it is told', () => trouble.includes('guarantees'))
  await stop()
})
