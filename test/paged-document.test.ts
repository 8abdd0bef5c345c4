import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { commandLine } from '../src/cli/command-line.fixture.ts'
import { systemClock } from '../src/clock.ts'
import { type Plan, parsePlan } from '../src/plan/plan.ts'
import { loadSystem } from '../src/project/load-system.ts'
import { tinyProject } from '../src/run/tiny-system.fixture.ts'
import { openAlertStore } from '../src/watch/alerts/alert-store.ts'
import { alertRound, alertSetup, emptyState } from '../src/watch/alerts/round.ts'
import { rolesOf } from '../src/watch/alerts/silence.ts'
import { silenceableOf } from '../src/watch/alerts/silence-problems.ts'
import { openIncidents } from '../src/watch/incidents/incidents.ts'
import { openSeriesStore } from '../src/watch/store/series-store.ts'
import { alertFile, watchDirectory } from '../src/watch/watch-directory.ts'

const root = resolve(import.meta.dirname, '..')

/** The commands that a page shows, as words, in blocks and in the middle of text. */
function commandsOf(page: string, where: RegExp): string[][] {
  const text = readFileSync(join(root, 'docs', page), 'utf8')
  return [...text.matchAll(where)]
    .flatMap(([, block = '']) => block.split('\n'))
    .filter((line) => line.startsWith('aval '))
    .map((line) => [...line.matchAll(/'([^']*)'|(\S+)/g)].slice(1).map(([, quoted, word]) => quoted ?? word ?? ''))
}

const blocks = /```sh\n([\s\S]*?)```/g

test('whatever the pages for whoever is paged name is in the plan of MedTime', async () => {
  const { default: input }: { default: unknown } = await import(join(root, 'systems/medtime/plan.ts'))
  const parsed = parsePlan(input)
  assert.ok('plan' in parsed)
  const { plan } = parsed
  const known: Record<string, readonly string[]> = {
    '--by': [...rolesOf(plan), 'operator'],
    '--severity': Object.keys(plan.incidents.severities),
    '--runbook': Object.keys(plan.runbooks),
    '--match': silenceableOf(plan).map(({ alert }) => `alert=${alert}`),
  }
  const alerts = silenceableOf(plan).map(({ alert }) => alert)
  const unknown: string[] = []
  let looked = 0
  for (const page of ['paged.md', 'alerts.md', 'incidents.md']) {
    for (const words of commandsOf(page, /(?:```sh\n([\s\S]*?)```)/g).concat(commandsOf(page, /`(aval [^`\n]+)`/g))) {
      words.forEach((word, at) => {
        const names = known[words[at - 1] ?? '']
        const isAlert = words[0] === 'alerts' && (words[1] === 'explain' || words[1] === 'test') && at === 3
        if (names === undefined && !(isAlert && !word.includes('<'))) return
        looked += 1
        if (!(names ?? alerts).includes(word)) unknown.push(`${page}: ${words.join(' ')} (${word})`)
      })
    }
  }
  assert.ok(looked >= 12, `only ${looked} names were found`)
  assert.deepEqual(unknown, [])
})

/** A system with an alert that fires and the incident number 3 that it opened, watched until now. */
async function paged(plan: Plan, directory: string, file: string): Promise<void> {
  const clock = systemClock
  const series = openSeriesStore(directory, 86_400_000)
  const atMs = clock.now() - 1_000
  series.append([{ labels: { __name__: 'up', job: 'keeper' }, value: 1, atMs }])
  series.append([{ labels: { __name__: 'http_errors_total', endpoint: '/pay' }, value: 9, atMs }])
  series.close()
  const setup = alertSetup(plan)
  const evaluate = () => [{ labels: {}, value: 9 }]
  const begun = alertRound(setup, emptyState, { evaluate }, atMs - 60_000)
  const { state, notices } = alertRound(setup, begun.state, { evaluate }, atMs)
  using store = openAlertStore(file)
  store.commit(state)
  const incidents = openIncidents({ directory, plan, clock })
  try {
    for (const title of ['first', 'second']) incidents.open({ severity: 'P1', title, by: 'operator' })
    const [alert] = [...begun.notices, ...notices].flatMap(({ alerts }) => alerts)
    assert.ok(alert)
    assert.equal(incidents.noticed(alert)?.number, 3)
  } finally {
    incidents.end()
  }
}

test('what whoever is paged types works in the order it stands there', async (t) => {
  const tiny = await tinyProject(
    {},
    {
      database: undefined,
      services: { keeper: { command: ['node', 'keeper.mjs'] } },
      telemetry: {
        metrics: {
          http_errors_total: { type: 'counter', help: 'Errors.', labels: ['endpoint'], emittedBy: ['keeper'] },
        },
        labels: { endpoint: ['/pay'] },
      },
      alerts: {
        api_error_rate_high: {
          when: 'http_errors_total > 5',
          severity: 'critical',
          notify: ['desk'],
          runbook: 'RB-001',
        },
      },
      incidents: {
        channels: { desk: { kind: 'console', reaches: 'DevOps team' } },
        severities: { P1: { meaning: 'Down', alerts: ['critical'] } },
        review: { within: '2d', sections: ['Summary', 'Timeline'] },
      },
      runbooks: {
        'RB-001': { title: 'Errors', severity: 'P1', owner: 'DevOps team', trigger: 'errors', file: 'rb.md' },
      },
    },
  )
  t.after(() => tiny.remove())
  const { plan } = await loadSystem(tiny.project, 'tiny')
  await paged(plan, watchDirectory(tiny.project, 'tiny'), alertFile(tiny.project, 'tiny'))
  const commands = commandsOf('paged.md', blocks)
  assert.ok(commands.length >= 12, `only ${commands.length} commands were found`)
  const said: string[] = []
  // A command that stands there again is given once.
  for (const words of new Map(commands.map((one) => [one.join(' '), one])).values()) {
    const line = words.map((word) => (word === 'medtime' ? 'tiny' : word))
    const { code, out, err } = await commandLine(tiny.directory, ...line)
    // 1 and 3 are answers about the system; a page that sends people into a wrong command line, or into an error, is seen.
    const isLook = ['status', 'alerts', 'probe'].includes(line[0] ?? '')
    assert.ok(code === 0 || (isLook && code !== 2 && err === ''), `${line.join(' ')}: ${code} ${err}`)
    said.push(out)
  }
  const all = said.join('\n')
  assert.match(all, /incident +needs somebody +3 P1, open/)
  assert.match(all, /tiny 3, P1, taken: api_error_rate_high\nRB-001: Errors \(rb\.md\)/)
  assert.match(all, /api_error_rate_high is firing/)
  assert.match(all, /^9 .*endpoint="\/pay"|Nothing: no such series/m)
  assert.match(all, /tiny 3, P1, closed/)
  assert.match(readFileSync(join(tiny.directory, 'review.md'), 'utf8'), /Took the release of Monday back/)
})
