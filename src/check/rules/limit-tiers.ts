import type { Limit } from '../../plan/limits.ts'
import type { PlanPath } from '../../plan/plan.ts'
import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const limitTiers: Rule = {
  id: 'limit-tiers',
  severity: 'error',
  summary: 'A limit by tier gives a number for each of its tiers and for no other.',
  check: ({ plan }) =>
    Object.entries(plan.limits).flatMap(([name, limit]) => {
      const amounts = byTier(limit)
      if (!amounts) return []
      const path: PlanPath = ['limits', name, amounts.member]
      const given = Object.keys(amounts.tiers)
      if (limit.tiers.length === 0) return []
      return [
        ...given
          .filter((tier) => !limit.tiers.includes(tier))
          .map((tier) => ({
            path: [...path, tier],
            part: 'key' as const,
            message: `${name} limits the tier "${tier}", which is not among its tiers.`,
            fix: suggest(tier, limit.tiers, 'Add it to tiers, or remove the number.'),
          })),
        ...limit.tiers
          .filter((tier) => !given.includes(tier))
          .map((tier) => ({
            path,
            message: `${name} gives no number for the tier "${tier}".`,
            fix: 'Add it; a tier without a limit is named nowhere.',
          })),
      ]
    }),
}

function byTier(limit: Limit): { member: 'requests' | 'count'; tiers: Record<string, number> } | undefined {
  if ('requests' in limit && typeof limit.requests === 'object') return { member: 'requests', tiers: limit.requests }
  if ('count' in limit && typeof limit.count === 'object') return { member: 'count', tiers: limit.count }
  return undefined
}
