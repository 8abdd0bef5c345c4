import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { z } from 'zod'
import { systemClock, timestamp } from '../clock.ts'
import { exampleEvidence } from '../ledger/evidence.fixture.ts'
import { openLedger } from '../ledger/ledger.ts'
import { processMark } from '../process.ts'
import { loadSystem } from '../project/load-system.ts'
import { seededRandom } from '../random.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { tinyProject } from '../run/tiny-system.fixture.ts'
import { openAlertStore } from '../watch/alerts/alert-store.ts'
import { alertRound, alertSetup } from '../watch/alerts/round.ts'
import { openPager } from '../watch/notify/pager.ts'
import { openSeriesStore } from '../watch/store/series-store.ts'
import { alertFile, watchDirectory } from '../watch/watch-directory.ts'
import { commandLine } from './command-line.fixture.ts'
import { backupTrouble } from './newest-backup.ts'

const sections = {
  database: undefined,
  telemetry: { metrics: { errors: { type: 'gauge', help: 'Errors.', emittedBy: ['keeper'] } } },
  alerts: { errors_high: { when: 'errors > 5', severity: 'critical', notify: ['desk'] } },
  incidents: {
    channels: { desk: { kind: 'slack', reaches: 'the desk' } },
    severities: { 'SEV-1': { meaning: 'The system is down', respondWithin: '15m' } },
  },
}

const standingSchema = z.object({
  state: z.string(),
  sentence: z.string(),
  attention: z.array(z.object({ about: z.string(), state: z.string(), name: z.string(), says: z.string() })),
})

/** A system whose one service answers as it is told, and that is watched. */
async function running(t: TestContext, more: Record<string, unknown> = {}) {
  const tiny = await tinyProject({ needs: [], databaseRole: undefined }, { ...sections, ...more })
  t.after(() => tiny.remove())
  const given = { status: 200 }
  const service = createServer((_, response) => response.writeHead(given.status).end())
  service.listen(0, '127.0.0.1')
  await once(service, 'listening')
  t.after(() => service.close())
  const { port } = z.object({ port: z.int() }).parse(service.address())
  const url = 'postgresql://nobody@127.0.0.1:1/none'
  const addresses = { keeper: `http://127.0.0.1:${port}` }
  const state = { pid: processMark(process.pid), adminUrl: url, ownerUrl: url, database: 'none', addresses }
  await mkdir(developmentDirectory(tiny.project, 'tiny'), { recursive: true })
  await writeFile(join(developmentDirectory(tiny.project, 'tiny'), 'run.json'), JSON.stringify(state))
  const directory = watchDirectory(tiny.project, 'tiny')
  const series = openSeriesStore(directory, 86_400_000)
  series.append([{ labels: { __name__: 'up', job: 'tiny' }, value: 1, atMs: systemClock.now() - 1_000 }])
  series.close()
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  const standing = async () => {
    const [only] = z.array(standingSchema).parse(JSON.parse((await aval('status', 'tiny', '--json')).out))
    assert.ok(only)
    return only
  }
  const { plan } = await loadSystem(tiny.project, 'tiny')
  return { tiny, given, directory, aval, standing, plan }
}

test('a system that answers, is watched and has nothing open is well', async (t) => {
  const { aval } = await running(t)
  const { code, out, err } = await aval('status')
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /^tiny is well: .+\.\n$/)
})

test('nobody can tell how a system is that does not run', async (t) => {
  const idle = await tinyProject()
  t.after(() => idle.remove())
  const { code, out } = await commandLine(idle.directory, 'status', '--all')
  assert.equal(code, 3)
  assert.match(out, /^Nobody can tell how tiny is: it does not run here\.\n[\s\S]*aval up tiny/)
})

test('a service that does not answer needs somebody, and is named', async (t) => {
  const { aval, given, standing } = await running(t)
  given.status = 503
  const { code, out } = await aval('status', 'tiny')
  assert.equal(code, 1)
  assert.match(out, /^tiny needs somebody: 1 service is down\.\n/)
  const { attention } = await standing()
  assert.deepEqual(attention, [
    { about: 'service', state: 'needs somebody', name: 'keeper', says: '/ready says status 503' },
  ])
})

test('a database that is down is told from one whose data is gone, which wants a restore', async (t) => {
  const database = { version: '>=15', size: '1GB', migrations: { layout: 'supabase', directory: 'migrations' } }
  const { aval, tiny } = await running(t, { database })
  const gone = await aval('status', 'tiny')
  assert.equal(gone.code, 1)
  assert.match(gone.out, /tiny has lost its data in\s.*aval restore tiny --at latest --in-place/s)

  const global = join(developmentDirectory(tiny.project, 'tiny'), 'database', 'global')
  await mkdir(global, { recursive: true })
  await writeFile(join(global, 'pg_control'), '')
  const down = await aval('status', 'tiny')
  assert.match(down.out, /tiny does not answer: .*aval probe tiny/s)
})

test('alerts that cannot be judged yet fill three lines and a count, and all of them the JSON', async (t) => {
  const alert = { when: 'errors > 5', severity: 'critical', notify: ['desk'] }
  const names = ['one', 'two', 'three', 'four', 'five']
  const { aval, plan, standing, tiny } = await running(t, {
    alerts: Object.fromEntries(names.map((name) => [name, alert])),
  })
  const nothing = { rules: new Map(), groups: new Map(), silences: new Map() }
  const evaluate = () => ({ missing: ['errors'] })
  const { state } = alertRound(alertSetup(plan), nothing, { evaluate }, systemClock.now())
  {
    using store = openAlertStore(alertFile(tiny.project, 'tiny'))
    store.commit(state)
  }
  const { code, out } = await aval('status', 'tiny')
  assert.equal(code, 3)
  assert.equal(out.match(/cannot be judged: no such series/g)?.length, 1 + 3, out)
  assert.match(out, /2 more see --json\n/)
  assert.equal((await standing()).attention.length, 5)
})

test('a firing alert, an open incident, a message nobody got and a refuted guarantee each need somebody', async (t) => {
  const { aval, directory, plan, standing, tiny } = await running(t)
  const now = systemClock.now()
  const evaluate = () => [{ labels: {}, value: 9 }]
  const round = alertRound(
    alertSetup(plan),
    { rules: new Map(), groups: new Map(), silences: new Map() },
    { evaluate },
    now,
  )
  const later = alertRound(alertSetup(plan), round.state, { evaluate }, now + plan.incidents.routing.groupWait)
  {
    using store = openAlertStore(alertFile(tiny.project, 'tiny'))
    store.commit(later.state)
  }
  const pager = openPager({ directory, plan, clock: systemClock, random: seededRandom(1), variables: {} })
  for (const notice of [...round.notices, ...later.notices]) pager.accept(notice)
  pager.close()
  const ledger = openLedger(tiny.project.state, systemClock)
  const guarantee = 'alerts/errors_high/reaches'
  ledger.append(exampleEvidence({ guarantee, system: 'tiny', verdict: 'refuted', startedAt: timestamp(now) }))
  ledger.close()
  assert.equal((await aval('incident', 'open', 'tiny', '--severity', 'SEV-1', '--title', 'All is slow')).code, 0)

  const silenced = ['alerts', 'silence', 'tiny', '--match', 'alert=errors_high', '--for', '1h']
  assert.equal((await aval(...silenced, '--by', 'the desk', '--why', 'a new disk')).code, 0)

  const { sentence, attention } = await standing()
  assert.match(
    attention[0]?.says ?? '',
    /^fires, critical, for .*; silenced until .* by the desk: nobody is told and no incident/,
  )
  assert.deepEqual(
    attention.map(({ about, name }) => [about, name]),
    [
      ['alert', 'errors_high'],
      ['incident', '1'],
      ['message', 'desk'],
      ['guarantee', guarantee],
    ],
  )
  assert.match(sentence, /1 alert fires, 1 incident is open, 1 channel is not reached, 1 guarantee does not hold\.$/)
  const { code, out } = await aval('status', 'tiny')
  assert.equal(code, 1)
  assert.match(out, /SEV-1, open, awaited: All is slow\s+aval incident ack tiny 1/)
  assert.match(out, /^Silenced until .* by the desk, \w+: alert=errors_high\s\(a new disk\)\.$/m)
  assert.match(out, /1 message waits.*\s+aval watch tiny/)

  // A second watch could not run beside one that does, such as that of `aval up`.
  using _watch = {
    series: openSeriesStore(directory, 86_400_000),
    [Symbol.dispose]() {
      this.series.close()
    },
  }
  const beside = (await aval('status', 'tiny')).out
  assert.match(beside, /1 message waits.*\s+aval alerts test tiny errors_high/)
  assert.doesNotMatch(beside, /aval watch/)
})

test('an alert that cannot be judged is not taken for a quiet one', async (t) => {
  const { aval, plan, tiny } = await running(t)
  const empty = { rules: new Map(), groups: new Map(), silences: new Map() }
  const { state } = alertRound(
    alertSetup(plan),
    empty,
    { evaluate: () => ({ missing: ['errors'] }) },
    systemClock.now(),
  )
  {
    using store = openAlertStore(alertFile(tiny.project, 'tiny'))
    store.commit(state)
  }
  const { code, out } = await aval('status', 'tiny')
  assert.equal(code, 3)
  assert.match(out, /^Nobody can tell how tiny is: alert errors_high cannot be judged/)
})

test('a backup is late when two rounds have passed, and missing where one was promised', async (t) => {
  const hourly = { hourly: { schedule: '0 * * * *', keep: '30d' } }
  const tiny = await tinyProject({}, { recovery: { backups: hourly } })
  t.after(() => tiny.remove())
  const { plan } = await loadSystem(tiny.project, 'tiny')
  const now = Date.UTC(2026, 1, 3, 12, 30)
  const at = (hour: number, minute: number) => Date.UTC(2026, 1, 3, hour, minute)
  assert.equal(backupTrouble(plan, at(11, 1), now), undefined)
  assert.match(backupTrouble(plan, at(10, 59), now) ?? '', /has had no backup for two rounds: hourly/)
  assert.equal(backupTrouble(plan, undefined, now), 'has no backup')
})
