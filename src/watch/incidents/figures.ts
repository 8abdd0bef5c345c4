import type { Incident } from './incident.ts'

/** What a set of incidents comes to; times in milliseconds, undefined where there is nothing to count. */
export interface IncidentFigures {
  count: number
  open: number
  bySeverity: Record<string, number>
  /** From opening to the first answer, of those that were answered. */
  timeToAcknowledgeMs: Spread | undefined
  /** From opening to closing, of those that are closed. */
  timeToResolveMs: Spread | undefined
}

export interface Spread {
  mean: number
  median: number
  longest: number
  sample: number
}

/** The figures of the incidents that opened in a span, its end not included. */
export function incidentFigures(incidents: readonly Incident[], fromMs: number, untilMs: number): IncidentFigures {
  const of = incidents.filter(({ openedMs }) => openedMs >= fromMs && openedMs < untilMs)
  const bySeverity: Record<string, number> = {}
  for (const { severity } of of) bySeverity[severity] = (bySeverity[severity] ?? 0) + 1
  return {
    count: of.length,
    open: of.filter(({ closed }) => closed === undefined).length,
    bySeverity,
    timeToAcknowledgeMs: spread(
      of.flatMap(({ acknowledged, openedMs }) => (acknowledged ? [acknowledged.atMs - openedMs] : [])),
    ),
    timeToResolveMs: spread(of.flatMap(({ closed, openedMs }) => (closed ? [closed.atMs - openedMs] : []))),
  }
}

function spread(times: readonly number[]): Spread | undefined {
  const sorted = times.toSorted((a, b) => a - b)
  const longest = sorted.at(-1)
  const lower = sorted[Math.floor((sorted.length - 1) / 2)]
  const upper = sorted[Math.floor(sorted.length / 2)]
  if (longest === undefined || lower === undefined || upper === undefined) return undefined
  const mean = sorted.reduce((sum, time) => sum + time, 0) / sorted.length
  return { mean, median: (lower + upper) / 2, longest, sample: sorted.length }
}
