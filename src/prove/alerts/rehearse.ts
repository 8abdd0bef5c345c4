import type { Plan } from '../../plan/plan.ts'
import { formatDuration } from '../../plan/units.ts'
import type { Notice } from '../../watch/alerts/notice.ts'
import { type AlertSetup, alertSetup } from '../../watch/alerts/round.ts'
import type { AlertRule } from '../../watch/alerts/rule.ts'
import { simulate } from '../../watch/alerts/simulate.ts'
import { evaluationOver } from '../../watch/evaluation.ts'
import { compileQuery, isCompiled } from '../../watch/promql/compile.ts'
import { memorySeries } from '../../watch/promql/memory-series.ts'
import { lookbackOf } from '../../watch/promql/reach.ts'
import { type Brink, findBrink, sampleStep } from './bound.ts'
import { type Figure, play, type World, worldOf } from './world.ts'

/** What came of living a rule's condition through: what was told in the end, or why the rule cannot keep its promise. */
export type Rehearsal =
  | {
      kept: true
      /** Of the time that lasted long enough: firing first, resolved in the end. */
      notices: readonly Notice[]
      brink: Brink
      /** From the first sample over the bound to the first notice, milliseconds. */
      toldAfterMs: number
      evaluations: number
    }
  | { kept: false; breach: string }

/**
 * Brings the condition of an alert to its bound and over its duration in samples, and looks at what would be told.
 * @param running the rule that is watched with, where it is not the one that was promised
 */
export function rehearse(plan: Plan, rule: AlertRule, startMs: number, running: AlertRule = rule): Rehearsal {
  if (rule.source.kind !== 'query') return { kept: false, breach: 'It has no condition' }
  const query = compileQuery(rule.source.when)
  if (!isCompiled(query)) return { kept: false, breach: `Its condition cannot be evaluated: ${query.problem}` }
  const world = worldOf(plan, query)
  const brink = findBrink(query, world, startMs)
  if (brink === 'never' || brink === 'always') return { kept: false, breach: neverOrAlways(brink, world) }

  const stepMs = sampleStep(query)
  const reachMs = lookbackOf(query) + 2 * stepMs
  const setup: AlertSetup = { ...alertSetup(plan), rules: new Map([[rule.name, running]]) }
  const { groupWait, groupInterval } = plan.incidents.routing
  const steps = (ms: number) => Math.ceil(ms / stepMs) * stepMs
  const quietTailMs = steps(reachMs + rule.keepFiringForMs + groupInterval + groupWait) + 4 * stepMs
  const live = (figure: Figure, untilMs: number) => {
    const span = { fromMs: startMs - steps(reachMs), untilMs, stepMs }
    const evaluate = evaluationOver(memorySeries(play(world, brink.driven, figure, span)))
    const run = { setup, fromMs: startMs - 2 * stepMs, untilMs: untilMs + stepMs, stepMs, evaluate }
    return simulate(run).notices
  }
  const overUntil =
    (endMs: number): Figure =>
    (atMs) =>
      atMs >= startMs && atMs < endMs ? brink.over : brink.quiet

  const holding = (figure: Figure, untilMs: number): { firstMs: number; lastMs: number } | undefined => {
    const span = { fromMs: startMs - steps(reachMs), untilMs, stepMs }
    const evaluate = evaluationOver(memorySeries(play(world, brink.driven, figure, span)))
    let held: { firstMs: number; lastMs: number } | undefined
    for (let atMs = startMs; atMs <= untilMs; atMs += stepMs) {
      const points = evaluate({ rule: rule.name, when: query.text }, atMs)
      if (Array.isArray(points) && points.length > 0) held = { firstMs: held?.firstMs ?? atMs, lastMs: atMs }
    }
    return held
  }
  // A rate must look back on nothing but figures over the bound before it is over the bound itself.
  const held = holding(overUntil(Number.POSITIVE_INFINITY), startMs + steps(reachMs))
  if (held === undefined) return { kept: false, breach: 'Its condition does not come to hold over its whole range' }
  const delayMs = held.firstMs - startMs
  const longEnoughMs = delayMs + steps(rule.forMs)

  const under = live(() => brink.under, startMs + longEnoughMs + 4 * stepMs)
  if (under.length > 0) return { kept: false, breach: `It fires just under its bound, at ${brink.under}` }
  const shortMs = shortOf(steps(longEnoughMs), stepMs, (lastsMs) => {
    const span = holding(overUntil(startMs + lastsMs), startMs + lastsMs + steps(reachMs))
    return span === undefined || span.lastMs - span.firstMs < rule.forMs
  })
  if (shortMs !== undefined) {
    const short = live(overUntil(startMs + shortMs), startMs + shortMs + quietTailMs)
    if (short.length > 0) {
      return { kept: false, breach: `It fires although its condition held for less than ${formatDuration(rule.forMs)}` }
    }
  }
  const endMs = startMs + longEnoughMs + 3 * stepMs
  const notices = live(overUntil(endMs), endMs + quietTailMs)
  const [first] = notices
  const expectedMs = startMs + longEnoughMs + steps(groupWait)
  if (first === undefined || first.status !== 'firing') {
    return { kept: false, breach: `Nobody is told although its condition held for ${formatDuration(rule.forMs)}` }
  }
  if (first.atMs !== expectedMs) {
    const late = first.atMs - expectedMs
    return { kept: false, breach: `It is told ${formatDuration(Math.abs(late))} ${late > 0 ? 'late' : 'early'}` }
  }
  return {
    kept: true,
    notices,
    brink,
    toldAfterMs: first.atMs - startMs,
    evaluations: Math.ceil((reachMs + longEnoughMs + quietTailMs) / stepMs),
  }
}

/**
 * The longest time over the bound after which the condition has held for less than the alert wants. There is none where its range alone outlasts its duration.
 * @param isShort whether so long is short enough; once false it stays so as the time grows
 */
function shortOf(longEnoughMs: number, stepMs: number, isShort: (lastsMs: number) => boolean): number | undefined {
  let [short, long] = [0, longEnoughMs / stepMs]
  while (long - short > 1) {
    const middle = Math.floor((short + long) / 2)
    if (isShort(middle * stepMs)) short = middle
    else long = middle
  }
  return short === 0 ? undefined : short * stepMs
}

function neverOrAlways(which: 'never' | 'always', { unanswered }: World): string {
  if (unanswered.length > 0)
    return `It can never be decided: the plan lets nobody emit what it reads: ${unanswered.join(', ')}`
  return which === 'never'
    ? 'It can never fire: no figure of what it reads makes its condition hold'
    : 'It always fires: no figure of what it reads makes its condition stop holding'
}
