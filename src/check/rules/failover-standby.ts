import { formatDuration } from '../../plan/units.ts'
import type { Finding, Rule } from '../rule.ts'

export const failoverStandby: Rule = {
  id: 'failover-standby',
  severity: 'error',
  summary: 'The standby of a failover loses no more, and takes over no later, than the procedure promises.',
  check: ({ plan }) => {
    const { standby, procedures } = plan.recovery
    return Object.entries(procedures).flatMap(([name, { fault, loss, within }]): Finding[] => {
      if (fault !== 'primary-killed' || standby === undefined) return []
      const found: Finding[] = []
      if (loss === 0 && !standby.synchronous) {
        found.push({
          path: ['recovery', 'procedures', name, 'loss'],
          message: `${name} may lose nothing, but commits do not wait for the standby.`,
          fix: 'Set recovery.standby.synchronous to true, or say what may be lost.',
        })
      } else if (loss !== undefined && standby.maximumLag > loss) {
        found.push({
          path: ['recovery', 'standby', 'maximumLag'],
          message: `The standby may be promoted ${formatDuration(standby.maximumLag)} behind, and ${name} may lose ${formatDuration(loss)}.`,
          fix: `Set recovery.standby.maximumLag to ${formatDuration(loss)} or less.`,
        })
      }
      if (standby.promoteAfter !== undefined && standby.promoteAfter >= within) {
        found.push({
          path: ['recovery', 'standby', 'promoteAfter'],
          message: `The standby takes over after ${formatDuration(standby.promoteAfter)}, and ${name} is to be done within ${formatDuration(within)}.`,
          fix: 'Let it take over sooner, or allow the procedure more time.',
        })
      }
      return found
    })
  },
}
