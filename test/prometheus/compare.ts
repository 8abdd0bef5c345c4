import { compileQuery, isCompiled } from '../../src/watch/promql/compile.ts'
import { evaluateInstant, evaluateRange, type RangeSeries, type Span } from '../../src/watch/promql/query.ts'
import { type Labels, type SeriesSource, seriesKey } from '../../src/watch/series.ts'

/* One query put to Prometheus and to Aval, and whether they say the same. */

export interface Case {
  query: string
  span: Span
  /** At the beginning of the span only. */
  instant: boolean
}

/** What either side says: an error, or the values of each series by moment. */
type Said = { error: string } | Map<string, Map<number, number>>

/** What both say alike, or what each says where they differ, for people. */
export type Verdict = { both: 'values' | 'nothing' | 'error' } | { difference: string }

export async function compare(url: string, source: SeriesSource, one: Case): Promise<Verdict> {
  const asked = prometheusSays(url, one)
  const found = avalSays(source, one)
  const differs = difference(await asked, found)
  if (differs !== undefined) return { difference: differs }
  if (!(found instanceof Map)) return { both: 'error' }
  return { both: found.size > 0 ? 'values' : 'nothing' }
}

function avalSays(source: SeriesSource, { query, span, instant }: Case): Said {
  const compiled = compileQuery(query)
  if (!isCompiled(compiled)) return { error: compiled.problem }
  try {
    if (!instant) return byMoment(evaluateRange(compiled, source, span))
    const value = evaluateInstant(compiled, source, span.fromMs)
    switch (value.type) {
      case 'matrix':
        return byMoment(value.series)
      case 'vector':
        return new Map(
          value.samples.map((sample) => [seriesKey(sample.labels), new Map([[span.fromMs, sample.value]])]),
        )
      case 'scalar':
        return new Map([['', new Map([[span.fromMs, value.value]])]])
      case 'string':
        return new Map([[value.value, new Map()]])
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'QUERY_FAILED') return { error: error.message }
    throw error
  }
}

function byMoment(series: readonly RangeSeries[]): Said {
  return new Map(
    series.map(({ labels, timesMs, values }) => [
      seriesKey(labels),
      new Map(Array.from(timesMs, (time, index) => [time, values[index] ?? Number.NaN])),
    ]),
  )
}

interface Answer {
  status: string
  error?: string
  data?: { resultType: string; result: unknown }
}

type Point = readonly [number, string]

async function prometheusSays(url: string, { query, span, instant }: Case): Promise<Said> {
  const parameters = instant
    ? { query, time: String(span.fromMs / 1000) }
    : { query, start: String(span.fromMs / 1000), end: String(span.toMs / 1000), step: String(span.stepMs / 1000) }
  const answer = await fetch(`${url}/api/v1/${instant ? 'query' : 'query_range'}`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
  })
  const { data, error }: Answer = JSON.parse(await answer.text())
  if (!data) return { error: error ?? 'no data' }
  return read(data.resultType, data.result)
}

function read(type: string, result: unknown): Said {
  if (type === 'scalar' && isPoint(result)) return new Map([['', points([result])]])
  if (type === 'string' && isPoint(result)) return new Map([[result[1], new Map()]])
  if (!Array.isArray(result)) throw new Error(`Prometheus answered a ${type} that cannot be read.`)
  const series: { metric: Labels; value?: Point; values?: Point[] }[] = result
  return new Map(
    series.map(({ metric, value, values }) => [seriesKey(metric), points(values ?? (value ? [value] : []))]),
  )
}

function isPoint(result: unknown): result is Point {
  return Array.isArray(result) && result.length === 2 && typeof result[1] === 'string'
}

function points(written: readonly Point[]): Map<number, number> {
  return new Map(written.map(([seconds, value]) => [Math.round(seconds * 1000), numberOf(value)]))
}

function numberOf(written: string): number {
  return Number(written.replace('Inf', 'Infinity'))
}

function difference(expected: Said, found: Said): string | undefined {
  if (!(expected instanceof Map)) return found instanceof Map ? `Prometheus: error ${expected.error}` : undefined
  if (!(found instanceof Map)) return `Aval: error ${found.error}; Prometheus: ${expected.size} series`
  for (const key of new Set([...expected.keys(), ...found.keys()])) {
    const wanted = expected.get(key)
    const got = found.get(key)
    if (!wanted || !got) return `{${key}} only from ${wanted ? 'Prometheus' : 'Aval'}: ${shown(wanted ?? got)}`
    for (const moment of new Set([...wanted.keys(), ...got.keys()])) {
      const [a, b] = [wanted.get(moment), got.get(moment)]
      if (a === undefined || b === undefined || !close(a, b)) return `{${key}} at ${moment}: Prometheus ${a}, Aval ${b}`
    }
  }
  return undefined
}

function shown(values: Map<number, number> | undefined): string {
  return JSON.stringify([...(values ?? [])].slice(0, 3))
}

/** Equal to a billionth of the value; around zero, where subtraction leaves rounding alone, to as little beside 1. */
function close(a: number, b: number): boolean {
  if (Object.is(a, b) || a === b) return true
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)) || Math.abs(a - b) < 1e-12
}
