import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { Plan } from '../../plan/plan.ts'
import { heartbeatName } from '../alerts/rule.ts'
import type { MessageAlert } from './message.ts'

/*
 * Who is told next when nobody answers. A step begins to count when its first channel is told, and is done when its time passes without an answer. A
 * channel that a step tells may be the first of another: so the matrix of a plan becomes a chain.
 */

/** A step whose time has passed without an answer. */
export interface DueStep {
  episode: string
  step: string
}

/** What decides who is told of an alert. */
type About = Pick<MessageAlert, 'alert' | 'severity'>

/** The steps of a plan for an alert; the pager's trial of itself wakes nobody. */
function stepsFor(plan: Plan, { alert, severity }: About): [string, Plan['incidents']['escalation'][string]][] {
  if (alert === heartbeatName) return []
  const of = Object.entries(plan.incidents.severities).filter(([, { alerts }]) => alerts.includes(severity))
  return Object.entries(plan.incidents.escalation).filter(([, step]) => of.some(([name]) => name === step.severity))
}

/** The channels that the matrix tells at once, whether or not the alert names them: first of a step, and told by none before it. */
export function firstResponders(plan: Plan, about: About): string[] {
  const steps = stepsFor(plan, about)
  const later = new Set(steps.flatMap(([, { to }]) => to))
  return [...new Set(steps.map(([, { first }]) => first).filter((first) => !later.has(first)))]
}

/** Starts the clock of every step that begins at a channel which is being told. */
export function startSteps(
  database: DatabaseSync,
  plan: Plan,
  { about, channel }: { about: MessageAlert; channel: string },
  nowMs: number,
): void {
  const insert = database.prepare(
    'INSERT INTO escalations (episode, step, due_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  )
  for (const [name, step] of stepsFor(plan, about))
    if (step.first === channel) insert.run(about.episode, name, nowMs + step.after)
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
