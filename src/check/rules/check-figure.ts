import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const checkFigure: Rule = {
  id: 'check-figure',
  severity: 'error',
  summary:
    'What a check of the database tells of is a gauge of the plan without labels, and it is called as one of its roles.',
  check: ({ plan: { telemetry, database } }) =>
    Object.entries(telemetry.checks).flatMap(([name, { role, tells }]) => {
      const path = ['telemetry', 'checks', name]
      if (database === undefined)
        return [
          { path, message: 'There is no database that could be checked.', fix: 'Declare the database, or drop it.' },
        ]
      const roles = Object.keys(database.roles)
      const unknownRole =
        role === undefined || roles.includes(role)
          ? []
          : [
              {
                path: [...path, 'role'],
                message: `There is no database role "${role}".`,
                fix: suggest(role, roles, 'Declare it in database.roles.'),
              },
            ]
      const figures = Object.entries(tells).flatMap(([told, metric]) => {
        const at = [...path, 'tells', told]
        const listed = telemetry.metrics[metric]
        if (listed === undefined) {
          const fix = suggest(metric, Object.keys(telemetry.metrics), 'Declare it in telemetry.metrics.')
          return [{ path: at, message: `There is no metric "${metric}".`, fix }]
        }
        if (listed.type === 'gauge' && listed.labels.length === 0) return []
        const message = `A check tells one figure of ${metric}, which is a ${listed.type}${listed.labels.length > 0 ? ' with labels' : ''}.`
        return [{ path: at, message, fix: 'Tell of a gauge without labels.' }]
      })
      return [...unknownRole, ...figures]
    }),
}
