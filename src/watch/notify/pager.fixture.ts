import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Clock } from '../../clock.ts'
import { type Plan, type PlanInput, parsePlan } from '../../plan/plan.ts'
import { seededRandom } from '../../random.ts'
import type { AlertInstance, Notice } from '../alerts/notice.ts'
import { openPager, type Pager, type PagerOptions } from './pager.ts'

/** A clock that stands until it is moved. */
export interface MovedClock extends Clock {
  move(ms: number): void
}

export const startMs = Date.UTC(2026, 1, 3, 4, 5, 6)

export function movedClock(): MovedClock {
  let nowMs = startMs
  const move = (ms: number): void => {
    nowMs += ms
  }
  return { now: () => nowMs, sleep: async (ms) => move(ms), move }
}

/** A plan with one alert, the severities and the matrix that the Bloom documents give, and channels as wanted. */
export function planWith(
  channels: NonNullable<PlanInput['incidents']>['channels'],
  more: Partial<PlanInput> = {},
): Plan {
  const names = Object.keys(channels ?? {})
  const parsed = parsePlan({
    system: 'shop',
    telemetry: { labels: { service: ['api', 'worker'] } },
    alerts: {
      errors_high: {
        when: 'errors > 5',
        severity: 'critical',
        notify: names.slice(0, 1),
        summary: 'Requests fail',
        runbook: 'RB-1',
      },
      queue_long: { when: 'queue > 100', severity: 'low', notify: names.slice(0, 1) },
    },
    runbooks: { 'RB-1': { title: 'Errors', severity: 'SEV-1', owner: 'Operations', file: 'runbooks/RB-1.md' } },
    incidents: { channels, severities: { 'SEV-1': { meaning: 'The system is down', alerts: ['critical'] } } },
    ...more,
  })
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return parsed.plan
}

export function alertOf(change: Partial<AlertInstance> = {}): AlertInstance {
  return {
    id: 'errors_high{service="api"}',
    alert: 'errors_high',
    labels: { service: 'api' },
    severity: 'critical',
    status: 'firing',
    startedAtMs: startMs - 60_000,
    endedAtMs: undefined,
    summary: 'Requests fail',
    runbook: 'RB-1',
    value: 0.0731,
    ...change,
  }
}

export function noticeOn(channel: string, alerts: AlertInstance[] = [alertOf()], group = 'errors_high'): Notice {
  const status = alerts.some((alert) => alert.status === 'firing') ? 'firing' : 'resolved'
  return { group, channel, alerts, status, atMs: startMs }
}

export function resolved(alert: AlertInstance = alertOf()): AlertInstance {
  return { ...alert, status: 'resolved', endedAtMs: startMs + 60_000 }
}

/** A pager in a folder of its own, closed and removed after the test. */
export function pagerFor(
  t: TestContext,
  options: Pick<PagerOptions, 'plan'> & Partial<PagerOptions>,
): { pager: Pager; clock: MovedClock; directory: string; reopen(): Pager } {
  const directory = mkdtempSync(join(tmpdir(), 'aval-pager-'))
  const clock = movedClock()
  const open = () => openPager({ directory, clock, random: seededRandom(1), variables: {}, timeoutMs: 400, ...options })
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  let pager = open()
  t.after(() => pager.close())
  return {
    pager,
    clock,
    directory,
    reopen: () => {
      pager.close()
      pager = open()
      return pager
    },
  }
}
