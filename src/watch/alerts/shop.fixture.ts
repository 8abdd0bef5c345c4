import assert from 'node:assert/strict'
import { type Plan, type PlanInput, parsePlan } from '../../plan/plan.ts'
import type { Notice } from './notice.ts'

/** A small shop whose plan takes what a test adds. */
export function shop(
  parts: Pick<PlanInput, 'alerts' | 'probes' | 'runbooks'> & { incidents?: PlanInput['incidents'] } = {},
): Plan {
  const { incidents, ...rest } = parts
  const parsed = parsePlan({
    system: 'shop',
    telemetry: { labels: { route: ['/pay', '/cart'], backup: ['daily'] } },
    ...rest,
    incidents: {
      channels: {
        pager: { kind: 'pagerduty', reaches: 'on call' },
        chat: { kind: 'slack', reaches: 'the team' },
        watchdog: { kind: 'webhook', reaches: 'operations' },
      },
      ...incidents,
    },
  })
  assert.ok('plan' in parsed, JSON.stringify(parsed))
  return parsed.plan
}

/** A notice in a line: when, to whom, and each alert with its status. */
export function line({ atMs, channel, alerts }: Notice): string {
  const told = alerts.map(({ alert, labels, status }) => {
    const of = Object.values(labels).join(',')
    return `${alert}${of === '' ? '' : `{${of}}`} ${status}`
  })
  return `${new Date(atMs).toISOString().slice(5, 19)} ${channel}: ${told.join(', ')}`
}
