import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const unknownEscalation: Rule = {
  id: 'unknown-escalation',
  severity: 'error',
  summary: 'Escalations begin at and go on to channels that incidents.channels declares.',
  check: ({ plan }) => {
    const channels = Object.keys(plan.incidents.channels)
    return Object.entries(plan.incidents.escalation).flatMap(([name, { first, to }]) => {
      const path = ['incidents', 'escalation', name]
      const targets = [
        { path: [...path, 'first'], target: first },
        ...to.map((target, index) => ({ path: [...path, 'to', index], target })),
      ]
      return targets
        .filter(({ target }) => !channels.includes(target))
        .map(({ path: at, target }) => ({
          path: at,
          message: `The escalation "${name}" names "${target}", which is no channel.`,
          fix: suggest(target, channels, 'Declare it in incidents.channels.'),
        }))
    })
  },
}
