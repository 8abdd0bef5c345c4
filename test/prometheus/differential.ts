import type { Random } from '../../src/random.ts'
import { memorySeries } from '../../src/watch/promql/memory-series.ts'
import type { SeriesSpan } from '../../src/watch/series.ts'
import { type Case, compare } from './compare.ts'
import { generatedQuery } from './generated-queries.ts'
import { beginMs, endMs } from './generated-series.ts'
import type { Prometheus } from './server.ts'

/** What a run of generated cases found. */
export interface Comparison {
  cases: number
  /** How often both gave values, nothing, or an error. */
  agreed: { values: number; nothing: number; error: number }
  disagreements: { case: Case; difference: string }[]
}

/** Puts generated cases over these series to Prometheus, which holds them, and to Aval. */
export function compareGenerated(
  prometheus: Prometheus,
  series: readonly SeriesSpan[],
  random: Random,
  limit: Limit,
): Promise<Comparison> {
  return compareCases(prometheus, series, () => generatedCase(random), limit)
}

/** Puts queries that were written by hand, each at one moment and over a span. */
export function compareWritten(
  prometheus: Prometheus,
  series: readonly SeriesSpan[],
  queries: readonly string[],
): Promise<Comparison> {
  const fromMs = beginMs + 1_800_000
  const span = { fromMs, toMs: fromMs + 600_000, stepMs: 60_000 }
  const cases = queries.flatMap((query) => [true, false].map((instant) => ({ query, span, instant })))
  const limit = { cases: cases.length, ms: Number.POSITIVE_INFINITY }
  return compareCases(prometheus, series, (index) => cases[index], limit)
}

/** When to stop: after so many cases, milliseconds or disagreements, whichever comes first. */
interface Limit {
  cases: number
  ms: number
  disagreements?: number
}

async function compareCases(
  prometheus: Prometheus,
  series: readonly SeriesSpan[],
  caseAt: (index: number) => Case | undefined,
  limit: Limit,
): Promise<Comparison> {
  const source = memorySeries(series)
  const found: Comparison = { cases: 0, agreed: { values: 0, nothing: 0, error: 0 }, disagreements: [] }
  const until = performance.now() + limit.ms
  const enough = limit.disagreements ?? Number.POSITIVE_INFINITY
  const ask = async () => {
    while (found.cases < limit.cases && found.disagreements.length < enough && performance.now() < until) {
      const one = caseAt(found.cases++)
      if (!one) return
      const verdict = await compare(prometheus.url, source, one)
      if ('both' in verdict) found.agreed[verdict.both]++
      else found.disagreements.push({ case: one, difference: verdict.difference })
    }
  }
  await Promise.all([ask(), ask(), ask()])
  return found
}

/** The figures of a comparison in words. */
export function summary({ cases, agreed: { values, nothing, error }, disagreements }: Comparison): string {
  return `${cases} cases; alike: ${values} values, ${nothing} nothing, ${error} errors; different: ${disagreements.length}`
}

/** A disagreement in words, with what is needed to ask again. */
export function described({ case: { query, span, instant }, difference }: Comparison['disagreements'][number]): string {
  const when = instant ? `at ${span.fromMs}` : `from ${span.fromMs} to ${span.toMs} by ${span.stepMs}`
  return `${query} (${when})\n  ${difference}`
}

function generatedCase(random: Random): Case {
  const fromMs = beginMs + random.int(endMs - beginMs + 600_000) - 120_000
  const stepMs = random.pick([1000, 15_000, 60_000, 47_500, 300_000])
  const steps = random.int(12)
  return {
    query: generatedQuery(random),
    instant: random.int(2) === 0,
    span: { fromMs, stepMs, toMs: fromMs + steps * stepMs + random.int(stepMs) },
  }
}
