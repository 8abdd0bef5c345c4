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

/**
 * How much an exposition holds of a metric: what a counter has counted and a histogram observed, over all labels, and how many series a gauge has.
 * Undefined when the exposition holds no sample of it: what is only described was never measured.
 */
export function amountOf(
  exposition: string,
  metric: string,
  type: 'counter' | 'gauge' | 'histogram',
): number | undefined {
  const sample = type === 'histogram' ? `${metric}_count` : metric
  const values = exposition.split('\n').flatMap((line) => {
    if (!line.startsWith(sample) || !'{ '.includes(line[sample.length] ?? '\n')) return []
    const value = Number(line.slice(line.lastIndexOf(' ') + 1))
    return [type === 'gauge' ? 1 : value]
  })
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
}

/** Whether a service offers a metric, be it without a sample. */
export function isOffered(exposition: string, metric: string): boolean {
  return exposition.includes(`# TYPE ${metric} `)
}
