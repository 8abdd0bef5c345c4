import type { Labels } from '../series.ts'
import type { Notice } from './notice.ts'
import type { Evaluate, Evaluation } from './reading.ts'
import { type AlertSetup, type AlertState, alertRound, emptyState, type RoundInput } from './round.ts'
import type { Silence } from './silence.ts'

/** What a query answers over a span; where several say something their series are added up, and a problem goes before series. */
export interface Condition {
  /** The text of the query: an alert's `when`, or the `of` of its minimum sample. */
  when: string
  fromMs: number
  /** Does not belong to it. */
  untilMs: number
  /** A series and its figure, a failing evaluation, or series that are not there. */
  gives: { labels?: Labels; value: number } | { problem: string } | { missing: readonly string[] }
}

/** A stretch of time to be lived through without waiting. */
export interface Simulation {
  setup: AlertSetup
  fromMs: number
  /** Does not belong to it. */
  untilMs: number
  stepMs: number
  evaluate: Evaluate
  /** What else a round is told at a moment. */
  also?: (atMs: number) => Omit<RoundInput, 'evaluate'>
  silences?: readonly Silence[]
  /** Where it starts from; nothing unless told. */
  state?: AlertState
}

/** Runs every round of a span, one after the other, and returns all that would be told. It depends on nothing but what it is given. */
export function simulate(simulation: Simulation): { notices: Notice[]; state: AlertState } {
  const { setup, evaluate, also = () => ({}) } = simulation
  const silences = new Map(simulation.silences?.map((silence) => [silence.id, silence]))
  let state: AlertState = { ...(simulation.state ?? emptyState), silences }
  const notices: Notice[] = []
  for (let atMs = simulation.fromMs; atMs < simulation.untilMs; atMs += simulation.stepMs) {
    const round = alertRound(setup, state, { ...also(atMs), evaluate }, atMs)
    state = round.state
    notices.push(...round.notices)
  }
  return { notices, state }
}

/** Answers queries from conditions; a query without one gives nothing, `vector(1)` always gives 1. */
export function syntheticEvaluation(conditions: readonly Condition[]): Evaluate {
  const byQuery = Map.groupBy(conditions, ({ when }) => when)
  return ({ when }, atMs) => {
    const now = byQuery.get(when)?.filter(({ fromMs, untilMs }) => atMs >= fromMs && atMs < untilMs) ?? []
    if (now.length === 0) return when === 'vector(1)' ? [{ labels: {}, value: 1 }] : []
    const unknown = now
      .map(({ gives }) => gives)
      .find((gives): gives is Exclude<typeof gives, { value: number }> => !('value' in gives))
    return unknown ?? now.flatMap(pointsOf)
  }
}

function pointsOf({ gives }: Condition): Exclude<Evaluation, { problem: string } | { missing: readonly string[] }> {
  return 'value' in gives ? [{ labels: gives.labels ?? {}, value: gives.value }] : []
}
