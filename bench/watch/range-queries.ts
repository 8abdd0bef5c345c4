import { z } from 'zod'
import type { Random } from '../../src/random.ts'
import { compileQuery, isCompiled } from '../../src/watch/promql/compile.ts'
import { evaluateRange, type Span } from '../../src/watch/promql/query.ts'
import type { SeriesSpan } from '../../src/watch/series.ts'
import type { SeriesStore } from '../../src/watch/store/series-store.ts'
import { startPrometheus } from '../../test/prometheus/server.ts'

/*
 * Queries over a day of 500 series, a step a minute, in the store and in a Prometheus that holds the same samples. Both answer with one sum
 * at each step, so that neither is measured at writing its answer, and the sums are compared.
 */

const intervalMs = 15_000
const day = 86_400_000
/** Prometheus takes what is at most an hour behind the newest it has, of whatever series. */
const sliceMs = 1_800_000

export const rangeQueries: readonly string[] = [
  'work_total',
  'rate(work_total[5m])',
  ...['rate', 'avg_over_time', 'sum_over_time', 'max_over_time', 'min_over_time', 'changes'].map(
    (name) => `${name}(work_total[1h])`,
  ),
  'avg_over_time(work_total[24h])',
]

export interface RangeMeasurement {
  query: string
  ours: number[]
  /** Time of the processor, its threads for memory included, which other work on the machine does not lengthen. */
  ourProcessor: number[]
  /** Without an installed Prometheus, none. */
  theirs: number[]
  /** The largest of all steps, relative to the figure; undefined without an installed Prometheus. */
  difference: number | undefined
}

/** @param prometheus whether one is installed */
export async function* measureRanges(
  store: SeriesStore,
  { random, rounds, prometheus }: { random: Random; rounds: number; prometheus: boolean },
): AsyncGenerator<RangeMeasurement> {
  const toMs = Math.floor(Date.now() / day) * day
  const span: Span = { fromMs: toMs - day, toMs, stepMs: 60_000 }
  const server = prometheus ? await startPrometheus() : undefined
  try {
    for (const slice of slices(random, span)) {
      store.append(slice.flatMap(samplesOf))
      await server?.write(slice)
    }
    for (const query of rangeQueries) {
      const ours: number[] = []
      const ourProcessor: number[] = []
      const theirs: number[] = []
      let difference: number | undefined
      for (let round = 0; round < rounds; round++) {
        const mine = inStore(store, `sum(${query})`, span)
        ours.push(mine.tookMs)
        ourProcessor.push(mine.processorMs)
        if (server === undefined) continue
        const other = await inPrometheus(server.url, `sum(${query})`, span)
        theirs.push(other.tookMs)
        difference = Math.max(difference ?? 0, largestDifference(mine.values, other.values))
      }
      yield { query, ours, ourProcessor, theirs, difference }
    }
  } finally {
    await server?.stop()
  }
}

/** Counters of whole things and of seconds by turns, half an hour of all series at a time. */
function* slices(random: Random, { fromMs, toMs }: Span): Generator<SeriesSpan[]> {
  const values = new Float64Array(500)
  for (let since = fromMs; since < toMs; since += sliceMs) {
    yield Array.from(values, (_, index) => {
      const timesMs = Float64Array.from({ length: sliceMs / intervalMs }, (_, at) => since + at * intervalMs)
      return {
        labels: { __name__: 'work_total', index: String(index) },
        timesMs,
        values: timesMs.map(() => {
          values[index] = (values[index] ?? 0) + random.int(900) / (index % 2 === 0 ? 1 : 100)
          return values[index] ?? 0
        }),
        endedAtMs: new Float64Array(0),
      }
    })
  }
}

function samplesOf({ labels, timesMs, values }: SeriesSpan) {
  return Array.from(timesMs, (atMs, at) => ({ labels, atMs, value: values[at] ?? 0 }))
}

interface Answer {
  tookMs: number
  /** By moment. */
  values: Map<number, number>
}

function inStore(store: SeriesStore, text: string, span: Span): Answer & { processorMs: number } {
  const query = compileQuery(text)
  if (!isCompiled(query)) throw new Error(query.problem)
  const before = process.cpuUsage()
  const began = performance.now()
  const [sum] = evaluateRange(query, store, span)
  const tookMs = performance.now() - began
  const { user, system } = process.cpuUsage(before)
  const values = new Map(Array.from(sum?.timesMs ?? [], (atMs, at) => [atMs, sum?.values[at] ?? Number.NaN]))
  return { tookMs, processorMs: (user + system) / 1000, values }
}

const answerShape = z.object({
  data: z.object({ result: z.array(z.object({ values: z.array(z.tuple([z.number(), z.string()])) })) }),
})

async function inPrometheus(url: string, query: string, { fromMs, toMs, stepMs }: Span): Promise<Answer> {
  const body = new URLSearchParams({
    query,
    start: String(fromMs / 1000),
    end: String(toMs / 1000),
    step: String(stepMs / 1000),
  })
  const began = performance.now()
  const answer = await fetch(`${url}/api/v1/query_range`, { method: 'POST', body })
  const text = await answer.text()
  const tookMs = performance.now() - began
  const [sum] = answerShape.parse(JSON.parse(text)).data.result
  return { tookMs, values: new Map(sum?.values.map(([seconds, value]) => [seconds * 1000, Number(value)])) }
}

function largestDifference(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): number {
  if (a.size !== b.size) throw new Error(`Prometheus answered ${b.size} steps, the store ${a.size}`)
  return Math.max(
    ...Array.from(a, ([atMs, value]) => {
      const other = b.get(atMs) ?? Number.NaN
      return value === other ? 0 : Math.abs(value - other) / Math.max(Math.abs(value), Math.abs(other))
    }),
  )
}
