import type { Plan } from '../../plan/plan.ts'

/** What the plan lists for one part of a system. */
export interface Listed {
  metric: string
  by: string
}

/** Listed metrics by who is to emit them: services that Aval starts and asks, Aval itself, and parts it does not start. */
export function listedMetrics(
  { telemetry, services }: Plan,
  started: readonly string[],
): { asked: Listed[]; aval: string[]; others: Listed[] } {
  const all = Object.entries(telemetry.metrics).flatMap(([metric, { emittedBy }]) =>
    emittedBy.map((by) => ({ metric, by })),
  )
  const isAsked = (by: string) => started.includes(by) && services[by]?.metrics !== undefined
  return {
    asked: all.filter(({ by }) => isAsked(by)),
    aval: all.filter(({ by }) => by === 'aval').map(({ metric }) => metric),
    others: all.filter(({ by }) => by !== 'aval' && !isAsked(by)),
  }
}

/** Names that an exposition holds a sample of: a metric that is only described has never been measured. Histograms go by their own name. */
export function sampledNames(exposition: string): Set<string> {
  const names = new Set<string>()
  for (const line of exposition.split('\n')) {
    const name = /^([a-zA-Z_:][\w:]*)[{ ]/.exec(line)?.[1]
    if (name === undefined) continue
    names.add(name)
    names.add(name.replace(/_(bucket|sum|count)$/, ''))
  }
  return names
}
