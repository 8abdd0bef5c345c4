import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import type { Plan } from '../../plan/plan.ts'
import { alertOf, movedClock, planWith, resolved, startMs } from '../notify/pager.fixture.ts'
import { incidentFigures } from './figures.ts'
import { openIncidents } from './incidents.ts'
import { reviewOf } from './review.ts'
import { severityClock } from './severity-clock.ts'
import { timelineOf } from './timeline.ts'

const minute = 60_000
const hour = 60 * minute

/** The severities of the Bloom documents. */
const plan = planWith(
  { pager: { kind: 'console', reaches: 'whoever is on call' } },
  {
    incidents: {
      channels: { pager: { kind: 'console', reaches: 'whoever is on call' } },
      severities: {
        'SEV-1': { meaning: 'The system is down', alerts: ['critical'], respondWithin: '15m' },
        'SEV-2': { meaning: 'A critical function is degraded', alerts: ['high'], respondWithin: '1h' },
        'SEV-3': {
          meaning: 'Something that is not critical fails',
          alerts: ['warning', 'medium'],
          respondWithin: '4h',
        },
        'SEV-4': { meaning: 'Something small is wrong', alerts: ['low'], respondWithin: '24h' },
      },
      review: { within: '2d', sections: ['Timeline', 'Root cause', 'Runbook followed', 'Time to recover'] },
    },
  },
)

function incidentsFor(t: TestContext, of: Plan = plan) {
  const directory = mkdtempSync(join(tmpdir(), 'aval-incidents-'))
  const clock = movedClock()
  let incidents = openIncidents({ directory, plan: of, clock })
  t.after(() => {
    incidents.end()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    incidents,
    clock,
    directory,
    reopen: () => {
      incidents.end()
      incidents = openIncidents({ directory, plan: of, clock })
      return incidents
    },
  }
}

test('an alert opens an incident of the severity that names its own, with its runbook, and once', (t) => {
  const { incidents } = incidentsFor(t)
  const opened = incidents.noticed(alertOf())
  assert.deepEqual([opened?.severity, opened?.runbook, opened?.openedBy], ['SEV-1', 'RB-1', 'alert'])
  incidents.noticed(alertOf())
  assert.equal(incidents.all().length, 1)
})

test('another series of the same rule joins the incident while it is open, and opens one when it is closed', (t) => {
  const { incidents } = incidentsFor(t)
  incidents.noticed(alertOf())
  incidents.noticed(alertOf({ id: 'second' }))
  assert.deepEqual(
    incidents.all().map(({ alerts }) => alerts.length),
    [2],
  )
  incidents.close(1, 'on call')
  incidents.noticed(alertOf({ id: 'third' }))
  assert.equal(incidents.all().length, 2)
  assert.equal(incidents.noticed(alertOf())?.number, 1, 'a firing that is known stays where it was')
})

test('the end of an alert is noted and closes nothing', (t) => {
  const { incidents } = incidentsFor(t)
  incidents.noticed(alertOf())
  incidents.noticed(resolved())
  incidents.noticed(resolved())
  const [incident] = incidents.all()
  assert.equal(incident?.alerts[0]?.endedAtMs, startMs + minute)
  assert.equal(incident?.closed, undefined)
  assert.equal(incident?.events.length, 3)
})

for (const [severity, within] of [
  ['SEV-1', 15 * minute],
  ['SEV-2', hour],
  ['SEV-3', 4 * hour],
  ['SEV-4', 24 * hour],
] as const)
  test(`the clock of ${severity} runs ${within / minute} minutes`, (t) => {
    const { incidents, clock } = incidentsFor(t)
    const opened = incidents.open({ severity, title: 'Seen by a person', by: 'support' })
    const at = (ms: number) => severityClock(plan, incidents.get(1), opened.openedMs + ms).answer
    assert.deepEqual([at(within), at(within + 1)], ['awaited', 'overdue'])
    clock.move(within)
    incidents.acknowledge(1, 'on call')
    assert.equal(at(within + hour), 'in time')
  })

test('an answer after the time is late, and the first answer counts', (t) => {
  const { incidents, clock } = incidentsFor(t)
  incidents.open({ severity: 'SEV-1', title: 'Seen by a person', by: 'support' })
  clock.move(16 * minute)
  incidents.acknowledge(1, 'on call')
  clock.move(minute)
  assert.equal(incidents.acknowledge(1, 'lead').acknowledged?.by, 'on call')
  assert.equal(severityClock(plan, incidents.get(1), clock.now()).answer, 'late')
})

test('what was taken is there after the next start, and can not be edited', (t) => {
  const { incidents, directory, reopen } = incidentsFor(t)
  incidents.open({ severity: 'SEV-2', title: 'Seen by a person', by: 'support' })
  incidents.note(1, 'on call', 'Restarted the worker')
  const before = incidents.get(1)
  assert.deepEqual(reopen().get(1), before)
  const database = new DatabaseSync(join(directory, 'incidents.db'))
  t.after(() => database.close())
  assert.throws(() => database.exec("UPDATE events SET event = '{}'"), /only grow/)
  assert.throws(() => database.exec('DELETE FROM events'), /only grow/)
})

test('a mistake is refused by name', (t) => {
  const { incidents } = incidentsFor(t)
  assert.throws(() => incidents.open({ severity: 'P9', title: 'x', by: 'x' }), { code: 'INCIDENT_SEVERITY' })
  assert.throws(() => incidents.close(7, 'x'), { code: 'INCIDENT_UNKNOWN' })
  incidents.open({ severity: 'SEV-1', title: 'x', by: 'x' })
  incidents.close(1, 'x')
  assert.throws(() => incidents.acknowledge(1, 'x'), { code: 'INCIDENT_CLOSED' })
  assert.equal(incidents.note(1, 'x', 'Afterwards').notes.length, 1)
})

test('figures count what opened in the span', (t) => {
  const { incidents, clock } = incidentsFor(t)
  for (const [answer, end] of [
    [5, 10],
    [10, 40],
    [30, 100],
  ] as const) {
    const { number } = incidents.open({ severity: 'SEV-1', title: 'x', by: 'x' })
    clock.move(answer * minute)
    incidents.acknowledge(number, 'on call')
    clock.move((end - answer) * minute)
    incidents.close(number, 'on call')
  }
  incidents.open({ severity: 'SEV-3', title: 'x', by: 'x' })
  const figures = incidentFigures(incidents.all(), startMs, clock.now() + 1)
  assert.deepEqual(figures, {
    count: 4,
    open: 1,
    bySeverity: { 'SEV-1': 3, 'SEV-3': 1 },
    timeToAcknowledgeMs: { mean: 15 * minute, median: 10 * minute, longest: 30 * minute, sample: 3 },
    timeToResolveMs: { mean: 50 * minute, median: 40 * minute, longest: 100 * minute, sample: 3 },
  })
  assert.equal(incidentFigures(incidents.all(), startMs - 2, startMs).count, 0)
})

test('the review holds the sections of the plan, filled with what is known', (t) => {
  const { incidents, clock } = incidentsFor(t)
  incidents.noticed(alertOf())
  clock.move(4 * minute)
  incidents.acknowledge(1, 'on call')
  incidents.note(1, 'on call', 'Took the release *back*')
  incidents.noticed(resolved())
  clock.move(6 * minute)
  const incident = incidents.close(1, 'on call')
  assert.equal(
    reviewOf({ plan, incident, timeline: timelineOf(incident, {}) }, clock.now()),
    `# Incident 1: Requests fail

shop, SEV-1, closed; answered: in time. To be written by 2026-02-05T04:15:06.000Z.

## Timeline

- 2026-02-03T04:04:06.000Z alert: errors_high began
- 2026-02-03T04:05:06.000Z incident: opened as SEV-1 by alert: Requests fail
- 2026-02-03T04:05:06.000Z incident: errors_high joined
- 2026-02-03T04:06:06.000Z alert: an alert ended
- 2026-02-03T04:09:06.000Z incident: acknowledged by on call
- 2026-02-03T04:09:06.000Z incident: on call: Took the release \\*back\\*
- 2026-02-03T04:15:06.000Z incident: closed by on call

## Root cause

_To be written._

## Runbook followed

- RB-1: Errors (runbooks/RB-1.md)
- Deviations: _to be written._

## Time to recover

- Time to acknowledge: 4m
- Time until its alerts ended: 1m
- Time to resolve: 10m
`,
  )
})
