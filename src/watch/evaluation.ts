import { messageOf } from '../errors.ts'
import type { Evaluate, Evaluation } from './alerts/reading.ts'
import { type CompiledQuery, compileQuery, isCompiled, type QueryProblem } from './promql/compile.ts'
import { evaluateInstant } from './promql/query.ts'
import { reachOf } from './promql/reach.ts'
import type { SeriesSource } from './series.ts'

/** Evaluates the conditions of rules over a source of series; each text is read once. */
export function evaluationOver(source: SeriesSource): Evaluate {
  const read = new Map<string, CompiledQuery | QueryProblem>()
  return ({ when }, atMs) => {
    const query = read.get(when) ?? compileQuery(when)
    read.set(when, query)
    return isCompiled(query) ? evaluated(query, source, atMs) : { problem: query.problem }
  }
}

function evaluated(query: CompiledQuery, source: SeriesSource, atMs: number): Evaluation {
  try {
    const value = evaluateInstant(query, source, atMs)
    if (value.type === 'scalar') return [{ labels: {}, value: value.value }]
    if (value.type !== 'vector') return { problem: 'It gives no figures that could be compared.' }
    if (value.samples.length > 0) return value.samples
    return seesNothing(query, source, atMs) ? { missing: namesOf(query) } : []
  } catch (error) {
    return { problem: messageOf(error) }
  }
}

/** Whether none of its selectors finds anything: the condition then does not fail to hold, it is not known. */
function seesNothing(query: CompiledQuery, source: SeriesSource, atMs: number): boolean {
  const reaches = reachOf(query)
  return (
    reaches.length > 0 &&
    reaches.every(({ matchers, oldestMs, youngestMs, at }) => {
      if (at !== undefined) return false
      const [found] = source.select(matchers, atMs - oldestMs - 1, atMs - youngestMs)
      return found === undefined
    })
  )
}

function namesOf(query: CompiledQuery): string[] {
  return [...new Set(reachOf(query).map(({ metric }) => metric ?? 'a selector without a name'))]
}
