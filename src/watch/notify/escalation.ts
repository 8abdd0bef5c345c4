import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { Plan } from '../../plan/plan.ts'
import type { AlertSeverity } from '../alerts/notice.ts'

/*
 * Who is told next when nobody answers. A step begins to count when its first channel is told, and is done when its time passes without an answer. A
 * channel that a step tells may be the first of another: so the matrix of a plan becomes a chain.
 */

/** A step whose time has passed without an answer. */
export interface DueStep {
  episode: string
  step: string
}

/** The steps of a plan for a severity of alerts. */
export function stepsFor(plan: Plan, severity: AlertSeverity): [string, Plan['incidents']['escalation'][string]][] {
  const of = Object.entries(plan.incidents.severities).filter(([, { alerts }]) => alerts.includes(severity))
  return Object.entries(plan.incidents.escalation).filter(([, step]) => of.some(([name]) => name === step.severity))
}

/** The channels that the matrix tells at once, whether or not the alert names them: first of a step, and told by none before it. */
export function firstResponders(plan: Plan, severity: AlertSeverity): string[] {
  const steps = stepsFor(plan, severity)
  const later = new Set(steps.flatMap(([, { to }]) => to))
  return [...new Set(steps.map(([, { first }]) => first).filter((first) => !later.has(first)))]
}

/** Starts the clock of every step that begins at a channel which is being told. */
export function startSteps(
  database: DatabaseSync,
  plan: Plan,
  told: { episode: string; severity: AlertSeverity; channel: string },
  nowMs: number,
): void {
  const insert = database.prepare(
    'INSERT INTO escalations (episode, step, due_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  )
  for (const [name, step] of stepsFor(plan, told.severity))
    if (step.first === told.channel) insert.run(told.episode, name, nowMs + step.after)
}

/** The steps that are due, oldest first. Nothing is due for what was answered or has ended. */
export function dueSteps(database: DatabaseSync, nowMs: number): DueStep[] {
  const rows = database
    .prepare('SELECT episode, step FROM escalations WHERE done_ms IS NULL AND due_ms <= ? ORDER BY due_ms, step')
    .all(nowMs)
  return z.array(z.object({ episode: z.string(), step: z.string() })).parse(rows)
}

export function finishStep(database: DatabaseSync, { episode, step }: DueStep, nowMs: number): void {
  database.prepare('UPDATE escalations SET done_ms = ? WHERE episode = ? AND step = ?').run(nowMs, episode, step)
}
