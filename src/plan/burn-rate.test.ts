import assert from 'node:assert/strict'
import { test } from 'node:test'
import { burnFactors, burnRateAlerts } from './burn-rate.ts'
import { parsePlan } from './plan.ts'

const day = 86_400_000

test('over 30 days the factors are those of the SRE workbook, and they grow with the window', () => {
  assert.deepEqual(burnFactors(30 * day), [14.4, 6, 3, 1])
  assert.deepEqual(burnFactors(60 * day), [28.8, 12, 6, 2])
})

test('an objective becomes four alerts over two ranges each, the faster hiding the slower', () => {
  const parsed = parsePlan({
    system: 'shop',
    incidents: {
      objectives: {
        requests: { target: '99.9%', errors: 'bad[$window]', total: 'all[$window]', notify: ['pager'] },
      },
    },
  })
  assert.ok('plan' in parsed)
  const alerts = burnRateAlerts(parsed.plan)
  assert.deepEqual(
    Object.entries(alerts).map(([name, { when, severity, inhibits }]) => ({
      name,
      when,
      severity,
      inhibits: inhibits.length,
    })),
    [
      {
        name: 'requests_burn_1h',
        when: '((bad[60m]) / (all[60m]) > 0.0144) and ((bad[5m]) / (all[5m]) > 0.0144)',
        severity: 'critical',
        inhibits: 3,
      },
      {
        name: 'requests_burn_6h',
        when: '((bad[360m]) / (all[360m]) > 0.006) and ((bad[30m]) / (all[30m]) > 0.006)',
        severity: 'critical',
        inhibits: 2,
      },
      {
        name: 'requests_burn_1d',
        when: '((bad[1440m]) / (all[1440m]) > 0.003) and ((bad[120m]) / (all[120m]) > 0.003)',
        severity: 'warning',
        inhibits: 1,
      },
      {
        name: 'requests_burn_3d',
        when: '((bad[4320m]) / (all[4320m]) > 0.001) and ((bad[360m]) / (all[360m]) > 0.001)',
        severity: 'warning',
        inhibits: 0,
      },
    ],
  )
  assert.deepEqual(alerts['requests_burn_1h']?.minimumSample, { of: '(all[60m]) * 3600', atLeast: 100 })
})
