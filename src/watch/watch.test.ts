import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import { type Plan, parsePlan } from '../plan/plan.ts'
import { startedWatch } from './started.fixture.ts'

function planWith(probes: object, spend = {}, alerts = {}, services = {}): Plan {
  const parsed = parsePlan({
    system: 'shop',
    probes,
    spend,
    alerts,
    services,
    incidents: {
      channels: { desk: { kind: 'console', reaches: 'the desk' } },
      routing: { groupInterval: '1s' },
      guarantees: { notify: ['desk'] },
    },
  })
  assert.ok('plan' in parsed, JSON.stringify(parsed))
  return parsed.plan
}

const plan = planWith({ beat: { heartbeat: '1h', every: '1h' } })
const beating = planWith({ beat: { heartbeat: '200ms', grace: '100ms', every: '100ms', notify: ['desk'] } })
const spending = planWith(
  {},
  { cloud: { monthly: 100, from: { file: 'spend.json' }, every: '100ms', notify: ['desk'] } },
)
const measures = { when: 'up{job="rates"} == 1', severity: 'low', notify: ['desk'] }
const acting = planWith(
  {},
  {},
  { first: { ...measures, then: { scale: true } }, second: { ...measures, then: { cleanUp: true } } },
)
const serving = planWith({}, {}, {}, { api: { command: ['node', 'api.mjs'], metrics: '/metrics' } })
const [{ id } = { id: '' }] = deriveGuarantees(plan)
assert.notEqual(id, '')

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
  const first = startedWatch(t, directory, { plan, guarantees: async () => [{ id, verdict: 'refuted' }] })
  await until('it is told', () => first.told.length > 0)
  assert.deepEqual(first.told, [`guarantee:${id} firing`])
  await first.stop()

  let asked = 0
  // Longer than the group waits before it would say that it is over.
  const beganMs = Date.now()
  const second = startedWatch(t, directory, {
    plan,
    guarantees: async () => {
      asked += 1
      return [{ id, verdict: 'proven' }]
    },
    verdictsAfterMs: 1_500,
  })
  await until('the verdict is asked for', () => asked > 0)
  assert.ok(Date.now() - beganMs >= 1_500)
  assert.deepEqual(second.told, [])
  await until('its end is told', () => second.told.length > 0)
  assert.deepEqual(second.told, [`guarantee:${id} resolved`])
  await second.stop()
})

test('a job that tells that it is alive keeps its probe well; once it is silent somebody is told, and of its return', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-watch-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const { told, receiver, stop } = startedWatch(t, directory, {
    plan: beating,
  })
  await until('it listens', () => receiver.url !== '')
  assert.equal(await readFile(join(directory, 'heartbeats.url'), 'utf8'), receiver.url)
  await until('somebody is told of its silence', () => told.length > 0)
  assert.deepEqual(told, ['probe:beat firing'])
  await until('somebody is told that it is back', () => {
    void fetch(`${receiver.url}/beat`, { method: 'POST' }).catch(() => undefined)
    return told.length > 1
  })
  assert.deepEqual(told, ['probe:beat firing', 'probe:beat resolved'])
  await stop()
})

test('a bill past its budget is told of, and so is that it could not be read', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-watch-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const { told, trouble, stop } = startedWatch(t, directory, {
    plan: spending,
  })
  await until('that it could not be read is told', () => trouble.includes('spend:cloud'))
  assert.deepEqual(told, [])
  const date = new Date().toISOString().slice(0, 10)
  await writeFile(join(directory, 'spend.json'), JSON.stringify({ currency: 'USD', days: [{ date, amount: 100 }] }))
  await until('that it is spent is told', () => told.length > 0)
  assert.deepEqual(told, ['cloud_spend_spent firing'])
  await stop()
})

test('while one action is carried out, what it holds back is told, and done after it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-watch-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const finish = Promise.withResolvers<void>()
  const { acted, stop } = startedWatch(t, directory, {
    plan: acting,
    perform: {
      scale: async () => {
        await finish.promise
        return { state: 'done' }
      },
      cleanUp: async () => ({ state: 'done', reason: 'exports: 3 removed' }),
    },
  })
  await until('one is held back', () => acted.length > 0)
  assert.deepEqual(acted, ['cleanUp withheld: another action runs'])
  finish.resolve()
  await until('both are done', () => acted.length > 2)
  assert.deepEqual(acted.slice(1), ['scale done', 'cleanUp done: exports: 3 removed'])
  await stop()
})

test('guarantees that cannot be read are told of and hold nothing up', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-watch-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const { trouble, stop } = startedWatch(t, directory, {
    plan,
    guarantees: async () => {
      throw new Error('no ledger')
    },
    verdictsAfterMs: 0,
  })
  await until('it is told', () => trouble.includes('guarantees'))
  await stop()
})

test('a source that gives nothing is told of once, of its return, and then of the next time', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-watch-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const service = createServer((_, response) => response.end('requests_total 1\n')).listen(0, '127.0.0.1')
  t.after(() => service.close())
  await once(service, 'listening')
  const { port } = z.object({ port: z.int() }).parse(service.address())
  let asked = 0
  let url: string | undefined
  const { trouble, stop } = startedWatch(t, directory, {
    plan: serving,
    whereabouts: {
      serviceUrl: () => {
        asked += 1
        return url
      },
      databaseUrls: () => undefined,
      dataPath: directory,
      systemPath: directory,
    },
  })
  const ofService = () => trouble.filter((what) => what.startsWith('api'))
  await until('it was asked often', () => asked > 5)
  assert.deepEqual(ofService(), ['api'])
  url = `http://127.0.0.1:${port}`
  await until('it is back', () => ofService().at(-1) === 'api again')
  url = undefined
  await until('it is gone again', () => ofService().at(-1) === 'api')
  await stop()
})
