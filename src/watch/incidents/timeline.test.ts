import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { timestamp } from '../../clock.ts'
import { exampleEvidence } from '../../ledger/evidence.fixture.ts'
import { openLedger } from '../../ledger/ledger.ts'
import { openActions } from '../actions/actions.ts'
import { alertOf, noticeOn, pagerFor, planWith, resolved } from '../notify/pager.fixture.ts'
import { openIncidents } from './incidents.ts'
import { timelineOf } from './timeline.ts'

const minute = 60_000

test('the timeline is assembled from what the alerting, the pager, the actions and the ledger recorded', async (t) => {
  const desk = { kind: 'console' as const, reaches: 'the desk' }
  const channels = { desk, lead: desk }
  const plan = planWith(channels, {
    alerts: { errors_high: { when: 'errors > 5', severity: 'critical', notify: ['desk'], then: { scale: true } } },
    runbooks: {},
    incidents: {
      channels,
      severities: { 'SEV-1': { meaning: 'The system is down', alerts: ['critical'], respondWithin: '15m' } },
      escalation: { 'SEV-1': { severity: 'SEV-1', first: 'desk', after: '15m', to: ['lead'] } },
    },
  })
  const { pager, clock } = pagerFor(t, { plan })
  const directory = mkdtempSync(join(tmpdir(), 'aval-timeline-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const incidents = openIncidents({ directory, plan, clock })
  t.after(() => incidents.end())
  const actions = openActions({
    directory,
    plan,
    clock,
    perform: { scale: async () => ({ state: 'done' }) },
  })
  t.after(() => actions.close())
  const ledger = openLedger(directory, clock)
  t.after(() => ledger.close())

  clock.move(-2 * 60 * minute)
  ledger.append(exampleEvidence({ guarantee: 'recovery/database/too-long-ago' }))
  clock.move(2 * 60 * minute)
  incidents.noticed(alertOf())
  pager.accept(noticeOn('desk'))
  await pager.work()
  await actions.consider(alertOf())
  clock.move(15 * minute)
  await pager.work()
  clock.move(minute)
  ledger.append(exampleEvidence({ guarantee: 'recovery/database/rto', verdict: 'refuted' }))
  incidents.noticed(resolved())
  clock.move(minute)
  const incident = incidents.close(1, 'on call')
  const told = incident.alerts.flatMap(({ episode }) => pager.told(episode))
  const lines = timelineOf(incident, { told, actions: actions.runs(), ledger: ledger.all() })
  assert.deepEqual(
    lines.map(({ atMs, from, text }) => `${timestamp(atMs).slice(11, 16)} ${from}: ${text}`),
    [
      '04:04 alert: errors_high began',
      '04:05 incident: opened as SEV-1 by alert: errors_high',
      '04:05 incident: errors_high joined',
      '04:05 pager: desk is to be told: firing',
      '04:05 pager: desk: delivered',
      '04:05 action: scale began',
      '04:05 action: scale: done',
      '04:06 alert: an alert ended',
      '04:20 pager: lead is to be told: firing, since nobody answered',
      '04:20 pager: lead: delivered',
      '04:21 ledger: recovery/database/rto: refuted',
      '04:22 incident: closed by on call',
    ],
  )
})
