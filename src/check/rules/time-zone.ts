import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const timeZone: Rule = {
  id: 'time-zone',
  severity: 'error',
  summary: 'The zone of recovery.timeZone is one of the IANA database.',
  check: ({ plan }) => {
    const zone = plan.recovery.timeZone
    if (isZone(zone)) return []
    return [
      {
        path: ['recovery', 'timeZone'],
        message: `There is no time zone "${zone}".`,
        fix: suggest(zone, Intl.supportedValuesOf('timeZone'), "Use a name such as 'America/Mexico_City' or 'UTC'."),
      },
    ]
  },
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
