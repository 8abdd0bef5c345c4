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

/** Puts generated cases over these series to Prometheus, which holds them, and to Aval until there are `limit.cases` `limit.disagreements`, or `limit.ms` have passed. */
export async function compareGenerated(
  prometheus: Prometheus,
  series: readonly SeriesSpan[],
  random: Random,
  limit: { cases: number; ms: number; disagreements?: number },
): Promise<Comparison> {
  const source = memorySeries(series)
  const found: Comparison = { cases: 0, agreed: { values: 0, nothing: 0, error: 0 }, disagreements: [] }
  const until = performance.now() + limit.ms
  const ask = async () => {
    const enough = limit.disagreements ?? Number.POSITIVE_INFINITY
    while (found.cases < limit.cases && found.disagreements.length < enough && performance.now() < until) {
      found.cases++
      const one = generatedCase(random)
      const verdict = await compare(prometheus.url, source, one)
      if ('both' in verdict) found.agreed[verdict.both]++
      else found.disagreements.push({ case: one, difference: verdict.difference })
    }
  }
  await Promise.all([ask(), ask(), ask()])
  return found
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
