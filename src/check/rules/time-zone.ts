import type { PlanPath } from '../../plan/plan.ts'
import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const timeZone: Rule = {
  id: 'time-zone',
  severity: 'error',
  summary: 'Every time zone is one of the IANA database.',
  check: ({ plan: { recovery, incidents, spend } }) => {
    const zones: { path: PlanPath; zone: string }[] = [
      { path: ['recovery', 'timeZone'], zone: recovery.timeZone },
      ...Object.entries(spend).map(([name, { timeZone: zone }]) => ({ path: ['spend', name, 'timeZone'], zone })),
      ...Object.entries(incidents.maintenance).map(([name, { timeZone: zone }]) => ({
        path: ['incidents', 'maintenance', name, 'timeZone'],
        zone,
      })),
    ]
    return zones.flatMap(({ path, zone }) =>
      isZone(zone)
        ? []
        : [
            {
              path,
              message: `There is no time zone "${zone}".`,
              fix: suggest(
                zone,
                Intl.supportedValuesOf('timeZone'),
                "Use a name such as 'America/Mexico_City' or 'UTC'.",
              ),
            },
          ],
    )
  },
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
