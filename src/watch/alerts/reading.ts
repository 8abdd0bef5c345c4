import type { Labels } from '../series.ts'
import type { AlertRule } from './rule.ts'

/** One series that meets a condition, and its figure. */
export interface Point {
  labels: Labels
  value: number
}

/**
 * What evaluating a condition gave: the series that meet it, that it could not be evaluated, or that there is none of the series it
 * reads, which is not the same as a condition that does not hold.
 */
export type Evaluation = readonly Point[] | { problem: string } | { missing: readonly string[] }

/** Evaluates PromQL at a moment; `rule` names whose it is. */
export type Evaluate = (query: { rule: string; when: string }, atMs: number) => Evaluation

/** What one round knows of a rule. `failed`, `missing` and `inconclusive` neither page nor end what fires. */
export type Reading =
  | { kind: 'known'; points: readonly Point[] }
  | { kind: 'unknown'; why: 'failed' | 'missing' | 'inconclusive'; says: string }

/** Reads the rule of a query or the heartbeat. */
export function readQuery(rule: AlertRule, evaluate: Evaluate, atMs: number): Reading {
  const { source } = rule
  if (source.kind === 'heartbeat') return known(evaluate({ rule: rule.name, when: 'vector(1)' }, atMs))
  if (source.kind !== 'query') return { kind: 'known', points: [] }
  const { when, minimumSample } = source
  if (minimumSample) {
    const sample = known(evaluate({ rule: rule.name, when: minimumSample.of }, atMs))
    if (sample.kind === 'unknown' && sample.why === 'failed') return sample
    const seen = sample.kind === 'known' ? sample.points.reduce((sum, { value }) => sum + value, 0) : 0
    // Written so that a sample that is no number is too small as well.
    if (!(seen >= minimumSample.atLeast)) {
      return {
        kind: 'unknown',
        why: 'inconclusive',
        says: `${figure(seen)} seen of the ${minimumSample.atLeast} it needs`,
      }
    }
  }
  return known(evaluate({ rule: rule.name, when }, atMs))
}

/** A figure as people read it: at most four digits that matter. */
export function figure(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value)
}

function known(evaluation: Evaluation): Reading {
  if ('problem' in evaluation) return { kind: 'unknown', why: 'failed', says: evaluation.problem }
  if ('missing' in evaluation) {
    return { kind: 'unknown', why: 'missing', says: `no such series: ${evaluation.missing.join(', ')}` }
  }
  return { kind: 'known', points: evaluation }
}
