import { burnRateAlerts } from '../../plan/burn-rate.ts'
import { deriveGuarantees } from '../../plan/derive.ts'
import { spendAlerts } from '../../plan/spend-alerts.ts'
import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const unknownAlert: Rule = {
  id: 'unknown-alert',
  severity: 'error',
  summary: 'Inhibitions and maintenance windows name alerts there are.',
  check: ({ plan }) => {
    const alerts = [
      ...Object.keys(plan.alerts),
      ...Object.keys(burnRateAlerts(plan)),
      ...Object.keys(spendAlerts(plan)),
    ]
    const probes = Object.keys(plan.probes).map((name) => `probe:${name}`)
    const others = deriveGuarantees(plan).map(({ id }) => `guarantee:${id}`)
    const named = [
      ...Object.entries(plan.alerts).map(([name, { inhibits }]) => ({
        path: ['alerts', name, 'inhibits'],
        names: inhibits,
      })),
      ...Object.entries(plan.incidents.maintenance).map(([name, window]) => ({
        path: ['incidents', 'maintenance', name, 'alerts'],
        names: window.alerts,
      })),
    ]
    const known = [...alerts, ...probes]
    return named.flatMap(({ path, names }) =>
      names.flatMap((name, index) =>
        known.includes(name) || others.includes(name)
          ? []
          : [
              {
                path: [...path, index],
                message: `There is no alert "${name}": nothing would be held back.`,
                fix: suggest(name, known, "Name one of alerts, a probe as 'probe:<name>' or a guarantee."),
              },
            ],
      ),
    )
  },
}
