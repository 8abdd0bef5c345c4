import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

const placeholder = /\{\{\s*([A-Za-z_]\w*)\s*\}\}/g

export const unknownLabel: Rule = {
  id: 'unknown-label',
  severity: 'error',
  summary: 'Summaries fill in, and groups share, labels that telemetry.labels declares.',
  check: ({ plan }) => {
    const labels = Object.keys(plan.telemetry.labels)
    const inSummaries = Object.entries(plan.alerts).flatMap(([name, { summary = '' }]) =>
      [...summary.matchAll(placeholder)].flatMap(([, label = '']) =>
        label === 'value' || labels.includes(label)
          ? []
          : [
              {
                path: ['alerts', name, 'summary'],
                message: `No label "${label}" leaves the system: the summary would always say "other".`,
                fix: suggest(label, [...labels, 'value'], 'Declare its values in telemetry.labels.'),
              },
            ],
      ),
    )
    const inGroups = plan.incidents.routing.groupBy.flatMap((label, index) =>
      ['alert', 'severity', ...labels].includes(label)
        ? []
        : [
            {
              path: ['incidents', 'routing', 'groupBy', index],
              message: `No alert carries the label "${label}": it would group nothing.`,
              fix: suggest(label, ['alert', 'severity', ...labels], 'Declare its values in telemetry.labels.'),
            },
          ],
    )
    return [...inSummaries, ...inGroups]
  },
}
