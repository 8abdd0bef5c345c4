import type { Plan } from '../../plan/plan.ts'
import { formatDuration } from '../../plan/units.ts'
import type { Notice } from '../../watch/alerts/notice.ts'
import { type AlertSetup, alertSetup } from '../../watch/alerts/round.ts'
import type { AlertRule } from '../../watch/alerts/rule.ts'
import { simulate } from '../../watch/alerts/simulate.ts'
import { evaluationOver } from '../../watch/evaluation.ts'
import { memorySeries } from '../../watch/promql/memory-series.ts'
import { type Labels, type SeriesSpan, seriesKey } from '../../watch/series.ts'
import type { Asked, Asker } from './ask.ts'
import type { Trouble } from './stand-in.ts'

/** What came of living through failures too few and failures enough. */
export type Told =
  | { kept: true; notices: readonly Notice[] /** From the first failure, milliseconds. */; toldAfterMs: number }
  | { kept: false; breach: string }

export interface Story {
  plan: Plan
  name: string
  rule: AlertRule
  /** The rule that is watched with, where it is not the one that was promised. */
  running: AlertRule
  ask: Asker
  troubles: readonly Trouble[]
  startMs: number
}

/** Between two askings the last outcome is stored at least so often. */
const retoldMs = 60_000

/**
 * Has a probe asked for real while its target is well, in trouble and well again, a clock moved between: first for too short, then for long
 * enough. Looks who is told, and when.
 */
export async function live(story: Story): Promise<Told> {
  const { plan, name, rule, running, troubles, startMs } = story
  const { every } = probeOf(plan, name)
  const { groupWait, groupInterval } = plan.incidents.routing
  const stepMs = Math.max(1_000, Math.min(60_000, Math.floor(every / 15_000) * 1_000))
  const steps = (ms: number) => Math.ceil(ms / stepMs) * stepMs
  const counted = rule.source.kind === 'probe' ? rule.source.failures : undefined
  const few = counted === undefined ? Math.floor(rule.forMs / every) : counted - 1
  const enough = (counted ?? Math.ceil(rule.forMs / every)) + Math.ceil(groupWait / every) + 2

  const times = async (failures: number, fromMs: number): Promise<Asked[]> => {
    const targets: ('well' | Trouble)[] = ['well', 'well']
    for (let turn = 0; turn < failures; turn++) targets.push(troubles[turn % troubles.length] ?? 'down')
    targets.push('well', 'well')
    const asked: Asked[] = []
    for (const [index, target] of targets.entries()) asked.push(await story.ask(fromMs + index * every, target))
    return asked
  }
  const run = (asked: readonly Asked[], fromMs: number) => {
    const lastMs = asked.at(-1)?.endedMs ?? fromMs
    const untilMs = steps(lastMs - fromMs + groupInterval + groupWait + rule.keepFiringForMs) + 4 * stepMs + fromMs
    const setup: AlertSetup = { ...alertSetup(plan), rules: new Map([[rule.name, running]]) }
    const evaluate = evaluationOver(memorySeries(stored(plan, name, asked, untilMs)))
    const probes = (atMs: number) =>
      asked.filter(({ endedMs }) => endedMs <= atMs && endedMs > atMs - stepMs).map(({ ok }) => ({ probe: name, ok }))
    const also = (atMs: number) => ({ probes: probes(atMs) })
    const { notices } = simulate({ setup, fromMs, untilMs, stepMs, evaluate, also })
    return { notices, evaluate, untilMs }
  }
  const dueMs = (asked: readonly Asked[], fromMs: number): number | undefined => {
    const round = (ms: number) => fromMs + steps(ms - fromMs)
    if (rule.source.kind === 'probe') {
      const last = asked.filter(({ ok }) => !ok).at(rule.source.failures - 1)
      return last && round(last.endedMs) + steps(groupWait)
    }
    if (rule.source.kind !== 'query') return undefined
    const { evaluate, untilMs } = run(asked, fromMs)
    for (let atMs = fromMs; atMs < untilMs; atMs += stepMs) {
      const points = evaluate({ rule: rule.name, when: rule.source.when }, atMs)
      if (Array.isArray(points) && points.length > 0) return atMs + steps(rule.forMs) + steps(groupWait)
    }
    return undefined
  }

  const short = await times(few, startMs)
  const [early] = run(short, startMs).notices
  if (early !== undefined) {
    const wanted = counted === undefined ? `for less than ${formatDuration(rule.forMs)}` : `${few} times in a row`
    return { kept: false, breach: `Somebody is told although it failed only ${wanted}` }
  }
  const laterMs = startMs + steps((short.length + 1) * every + probeOf(plan, name).timeout)
  const long = await times(enough, laterMs)
  const expectedMs = dueMs(long, laterMs)
  const { notices } = run(long, laterMs)
  const [first] = notices
  if (expectedMs === undefined || first?.status !== 'firing')
    return { kept: false, breach: `Nobody is told although it failed ${enough} times in a row` }
  if (first.atMs !== expectedMs) {
    const late = first.atMs - expectedMs
    return { kept: false, breach: `It is told ${formatDuration(Math.abs(late))} ${late > 0 ? 'late' : 'early'}` }
  }
  if (!notices.some(({ status }) => status === 'resolved'))
    return { kept: false, breach: 'Nobody is told that it is well again' }
  const failedMs = long.find(({ ok }) => !ok)?.beganMs ?? first.atMs
  return { kept: true, notices, toldAfterMs: first.atMs - failedMs }
}

function probeOf(plan: Plan, name: string) {
  const probe = plan.probes[name]
  if (probe === undefined) throw new RangeError(`the plan has no probe ${name}`)
  return probe
}

interface Stored {
  labels: Labels
  times: number[]
  values: number[]
}

/** The series that scraping makes of askings: each is stored at its moment, and told again until the next. */
function stored(plan: Plan, name: string, asked: readonly Asked[], untilMs: number): SeriesSpan[] {
  const byLabels = new Map<string, Stored>()
  for (const [index, { beganMs, readings }] of asked.entries()) {
    const nextMs = asked[index + 1]?.beganMs ?? untilMs
    for (let atMs = beganMs; atMs < nextMs; atMs += retoldMs) {
      for (const reading of readings) {
        const labels = { ...reading.labels, job: `probe:${name}`, instance: plan.system }
        const key = seriesKey(labels)
        const span: Stored = byLabels.get(key) ?? { labels, times: [], values: [] }
        span.times.push(atMs)
        span.values.push(reading.value)
        byLabels.set(key, span)
      }
    }
  }
  return [...byLabels.values()].map(({ labels, times, values }) => ({
    labels,
    timesMs: Float64Array.from(times),
    values: Float64Array.from(values),
    endedAtMs: new Float64Array(0),
  }))
}
