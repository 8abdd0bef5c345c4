import type { Plan } from '../../plan/plan.ts'
import type { Rule } from '../rule.ts'

export const needsCycle: Rule = {
  id: 'needs-cycle',
  severity: 'error',
  summary: 'Services can be started one after the other: none needs itself by way of others.',
  check: ({ plan }) => {
    const reported = new Set<string>()
    return Object.keys(plan.services).flatMap((name) => {
      const circle = circleFrom(plan.services, [name])
      if (!circle || circle.some((member) => reported.has(member))) return []
      for (const member of circle) reported.add(member)
      return [
        {
          path: ['services', name, 'needs'],
          message: `None of these can start first: ${[...circle, name].join(' needs ')}.`,
          fix: 'Take one need away: the one that can wait until its service answers.',
        },
      ]
    })
  },
}

/** The way from the first service back to itself, shortest first. */
function circleFrom(services: Plan['services'], start: readonly [string]): string[] | undefined {
  const queue: string[][] = [[...start]]
  const seen = new Set<string>()
  for (let way = queue.shift(); way; way = queue.shift()) {
    for (const need of services[way.at(-1) ?? '']?.needs ?? []) {
      if (need === start[0]) return way
      if (seen.has(need)) continue
      seen.add(need)
      queue.push([...way, need])
    }
  }
  return undefined
}
