import type { PlanPath } from '../../plan/plan.ts'
import type { Rule } from '../rule.ts'

export const forbiddenName: Rule = {
  id: 'forbidden-name',
  severity: 'error',
  summary: 'No metric, label, log field, trace attribute or error field is called by what must never appear.',
  check: ({ plan: { telemetry } }) => {
    const forbidden = Object.keys(telemetry.forbidden)
    const carried: { path: PlanPath; part?: 'key'; name: string; what: string }[] = [
      ...Object.entries(telemetry.metrics).flatMap(([metric, { labels }]) => [
        { path: ['telemetry', 'metrics', metric], part: 'key' as const, name: metric, what: 'metric' },
        ...labels.map((name, index) => ({
          path: ['telemetry', 'metrics', metric, 'labels', index],
          name,
          what: 'label',
        })),
      ]),
      ...named(['telemetry', 'logs', 'fields'], telemetry.logs?.fields, 'log field'),
      ...named(['telemetry', 'traces', 'attributes'], telemetry.traces?.attributes, 'trace attribute'),
      ...named(['telemetry', 'errors', 'fields'], telemetry.errors?.fields, 'error field'),
    ]
    return carried.flatMap(({ path, part, name, what }) => {
      const hit = forbidden.find((secret) => carries(name, secret))
      if (hit === undefined) return []
      return [
        {
          path,
          ...(part ? { part } : {}),
          message: `The ${what} "${name}" would carry "${hit}", which telemetry.forbidden rules out.`,
          fix: 'Remove it. To count or time such a thing, name what is counted and leave its content out.',
        },
      ]
    })
  },
}

function named(path: PlanPath, names: readonly string[] | undefined, what: string) {
  return (names ?? []).map((name, index) => ({ path: [...path, index], name, what }))
}

/** Whether a name is the forbidden one, or ends with it: `email`, `user_email`, `userEmail`; not `email_sent_total`. */
function carries(name: string, forbidden: string): boolean {
  return `_${words(name)}`.endsWith(`_${words(forbidden)}`)
}

function words(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[-.]/g, '_')
    .toLowerCase()
}
