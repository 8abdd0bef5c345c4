/*
 * Watching against its bounds: 1,000 rules over 10,000 series in one evaluation, and queries of 500 series over 24 h, both beside a real Prometheus over the
 * same samples; the processor time of scraping 50 targets of 500 series every 15 s; and how long a sample over the bound takes to the message at a
 * receiver.
 *
 *   node bench/watch.ts [--rounds 5] [--seed 1]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { type Clock, systemClock } from '../src/clock.ts'
import { parsePlan } from '../src/plan/plan.ts'
import { percentile } from '../src/prove/percentile.ts'
import { seededRandom } from '../src/random.ts'
import { startSlack } from '../src/receivers/slack.ts'
import { alertRound, alertSetup, emptyState } from '../src/watch/alerts/round.ts'
import { evaluationOver } from '../src/watch/evaluation.ts'
import { openPager } from '../src/watch/notify/pager.ts'
import { httpTarget } from '../src/watch/scrape/http-target.ts'
import { startScraping } from '../src/watch/scrape/scraping.ts'
import type { Sample, SeriesSpan } from '../src/watch/series.ts'
import { openSeriesStore, type SeriesStore } from '../src/watch/store/series-store.ts'
import { installedVersion, startPrometheus } from '../test/prometheus/server.ts'
import { measureRanges } from './watch/range-queries.ts'

const { rounds, seed } = z
  .object({ rounds: z.coerce.number().int().positive(), seed: z.coerce.number().int() })
  .parse(
    parseArgs({ options: { rounds: { type: 'string', default: '5' }, seed: { type: 'string', default: '1' } } }).values,
  )

const day = 86_400_000
const intervalMs = 15_000
const random = seededRandom(seed)

console.log(
  `Node ${process.version}, Prometheus ${(await installedVersion()) ?? 'not installed'}; 2 of ${cpus()[0]?.model}; seed ${seed}`,
)
await compareRules()
await rangeQuery()
await scraping()
await toTheReceiver()

function inStore<T>(use: (store: SeriesStore, directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'aval-watch-'))
  const store = openSeriesStore(directory, 31 * day)
  const close = () => {
    store.close()
    rmSync(directory, { recursive: true, force: true })
  }
  const result = use(store, directory)
  if (result instanceof Promise) void result.finally(close)
  else close()
  return result
}

/** 1,000 counters of ten series each, and a rule for each counter. */
async function compareRules(): Promise<void> {
  const metrics = 1_000
  const samples = 40
  const endMs = Math.floor(Date.now() / intervalMs) * intervalMs
  const series: SeriesSpan[] = Array.from({ length: metrics * 10 }, (_, index) => {
    let value = 0
    const step = 1 + random.int(20)
    return {
      labels: { __name__: `work_${Math.floor(index / 10)}_total`, service: `s${index % 10}` },
      timesMs: Float64Array.from({ length: samples }, (_, at) => endMs - (samples - 1 - at) * intervalMs),
      values: Float64Array.from({ length: samples }, () => (value += random.int(step))),
      endedAtMs: new Float64Array(0),
    }
  })
  const conditions = Array.from(
    { length: metrics },
    (_, index) => `sum by (service) (rate(work_${index}_total[5m])) > ${index % 3}`,
  )
  const rules = ['groups:', '- name: all', '  interval: 5s', '  rules:']
  for (const [index, when] of conditions.entries())
    rules.push(`  - alert: a${index}`, `    expr: ${when}`, '    for: 5m')

  const ours = inStore((store) => {
    for (let at = 0; at < samples; at++) {
      const round: Sample[] = series.map(({ labels, timesMs, values }) => ({
        labels,
        atMs: timesMs[at] ?? 0,
        value: values[at] ?? 0,
      }))
      store.append(round)
    }
    const evaluate = evaluationOver(store)
    return Array.from({ length: rounds }, () => {
      const began = performance.now()
      for (const [index, when] of conditions.entries()) evaluate({ rule: String(index), when }, endMs)
      return performance.now() - began
    })
  })
  console.log(`${metrics} rules over ${series.length} series: ${told(ours)}, wanted below 1 s`)
  if ((await installedVersion()) === undefined) return
  const prometheus = await startPrometheus(`${rules.join('\n')}\n`)
  try {
    await prometheus.write(series)
    const theirs: number[] = []
    const groups = z.object({
      data: z.object({ groups: z.array(z.object({ evaluationTime: z.number(), lastEvaluation: z.string() })) }),
    })
    let last = ''
    const writtenMs = Date.now()
    for (const until = Date.now() + 60_000; theirs.length < rounds && Date.now() < until; await pause(500)) {
      const answer = groups.parse(await (await fetch(`${prometheus.url}/api/v1/rules`)).json())
      const [group] = answer.data.groups
      if (group === undefined || group.lastEvaluation === last || Date.parse(group.lastEvaluation) < writtenMs) continue
      last = group.lastEvaluation
      theirs.push(group.evaluationTime * 1_000)
    }
    const ratio = median(ours) / median(theirs)
    console.log(`the same in Prometheus: ${told(theirs)}; ours takes ${ratio.toFixed(2)} of its time, wanted below 5`)
  } finally {
    await prometheus.stop()
  }
}

async function rangeQuery(): Promise<void> {
  const how = { random, rounds, prometheus: (await installedVersion()) !== undefined }
  await inStore(async (store) => {
    for await (const { query, ours, ourProcessor, theirs, difference } of measureRanges(store, how)) {
      console.log(
        `${query} of 500 series over 24 h, a step a minute: ${told(ours)}, wanted below 500 ms; processor ${told(ourProcessor)}`,
      )
      if (difference !== undefined)
        console.log(
          `  the same in Prometheus: ${told(theirs)}; the figures differ by at most ${difference.toExponential(1)}`,
        )
    }
  })
}

/** What one round of scrapes costs says what every round costs: targets are read at their pace, one after the other. */
async function scraping(): Promise<void> {
  const targets = 50
  const text = (at: number) =>
    Array.from({ length: 500 }, (_, index) => `work_total{endpoint="/orders",index="${index}"} ${index * at}`).join(
      '\n',
    )
  let asked = 0
  const server = createServer((_, response) => response.end(`${text(++asked)}\n`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = z.object({ port: z.int() }).parse(server.address())
  const plan = planOf({
    metrics: { work_total: { type: 'counter', help: 'x', labels: ['endpoint', 'index'], emittedBy: ['api'] } },
    labels: { endpoint: ['/orders'], index: Array.from({ length: 500 }, (_, index) => String(index)) },
  })
  await inStore(async (store) => {
    // Ten times as often as promised for a tenth of the time: the cost of a round is what counts.
    const everyMs = 1_500
    const stopping = new AbortController()
    const scraped = startScraping({
      targets: Array.from({ length: targets }, (_, index) =>
        httpTarget({ job: `api-${index}`, url: `http://127.0.0.1:${port}/metrics`, everyMs, timeoutMs: 1_000 }),
      ),
      sink: store,
      telemetry: plan.telemetry,
      clock: systemClock,
      signal: stopping.signal,
    })
    await pause(2 * everyMs)
    const before = process.cpuUsage()
    const from = asked
    await pause(6 * everyMs)
    const { user, system } = process.cpuUsage(before)
    const perRound = ((user + system) / 1_000 / Math.max(1, asked - from)) * targets
    stopping.abort()
    await scraped.done
    const share = perRound / intervalMs
    console.log(
      `a round of ${targets} targets of 500 series: ${perRound.toFixed(0)} ms of processor, the targets' own answers included, which is ${(100 * share).toFixed(1)} % of one core at 15 s, wanted below 15 % (${asked - from} scrapes)`,
    )
  })
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

/** From the sample that is over the bound to the message at the receiver, the rule's own duration excluded. */
async function toTheReceiver(): Promise<void> {
  const slack = await startSlack()
  const directory = mkdtempSync(join(tmpdir(), 'aval-watch-'))
  const clock: Clock = systemClock
  const plan = planOf({ metrics: { queue_length: { type: 'gauge', help: 'x', emittedBy: ['api'] } } })
  const pager = openPager({ directory, plan, clock, random, variables: { TEAM_URL: slack.url } })
  await inStore(async (store) => {
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const setup = alertSetup(plan)
      const before = slack.shown.length
      const began = performance.now()
      const atMs = clock.now()
      store.append([{ labels: { __name__: 'queue_length', round: String(round) }, atMs, value: 11 }])
      const { notices } = alertRound(setup, emptyState, { evaluate: evaluationOver(store) }, atMs)
      for (const notice of notices) pager.accept({ ...notice, group: `${notice.group}${round}` })
      await pager.work()
      if (slack.shown.length > before) times.push(performance.now() - began)
      await pause(1_100)
    }
    console.log(
      `from the sample to the message: ${told(times)} of work, besides at most one scrape and one evaluation; wanted below 5 s`,
    )
  })
  pager.close()
  await slack.stop()
  rmSync(directory, { recursive: true, force: true })
}

function planOf(telemetry: object) {
  const parsed = parsePlan({
    system: 'shop',
    telemetry,
    alerts: { long: { when: 'queue_length > 10', severity: 'high', notify: ['team'] } },
    incidents: { channels: { team: { kind: 'slack', reaches: 'the team' } } },
  })
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return parsed.plan
}

function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    50,
  )
}

function told(values: readonly number[]): string {
  if (values.length === 0) return 'nothing measured'
  return `${median(values).toFixed(0)} ms (median of ${values.length}, at most ${Math.max(...values).toFixed(0)})`
}
