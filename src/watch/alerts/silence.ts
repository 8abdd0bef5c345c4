import { z } from 'zod'
import type { Plan } from '../../plan/plan.ts'
import type { Labels } from '../series.ts'
import type { AlertSeverity } from './notice.ts'

const matcher = z.strictObject({
  /** `alert`, `severity`, or a label of the plan. */
  label: z.string(),
  op: z.enum(['=', '!=', '=~', '!~']),
  value: z.string(),
})

/** That nobody is told of some alerts for a while. What fires keeps firing and is told when it ends. */
export const silenceSchema = z.strictObject({
  id: z.string().min(1),
  matchers: z.array(matcher).min(1),
  fromMs: z.number(),
  untilMs: z.number(),
  /** A role of the plan, never a person's name. */
  by: z.string().min(1),
  why: z.string().min(1),
})

export type Silence = z.infer<typeof silenceSchema>

/** What a silence is held against. */
export interface Silenceable {
  alert: string
  severity: AlertSeverity
  labels: Labels
}

/** Roles that may silence: who is at the end of a channel, or owns a runbook. */
export function rolesOf(plan: Plan): string[] {
  const reached = Object.values(plan.incidents.channels).map(({ reaches }) => reaches)
  return [...new Set([...reached, ...Object.values(plan.runbooks).map(({ owner }) => owner)])]
}

/** What is wrong with a silence that somebody asks for; empty when it may be kept. */
export function silenceProblems(plan: Plan, silence: Silence): string[] {
  const problems: string[] = []
  const known = ['alert', 'severity', ...Object.keys(plan.telemetry.labels)]
  for (const { label, op, value } of silence.matchers) {
    if (!known.includes(label)) problems.push(`No alert carries the label "${label}".`)
    if (op.includes('~') && patternOf(value) === undefined) problems.push(`"${value}" is no pattern.`)
  }
  if (!(silence.untilMs > silence.fromMs)) problems.push('It ends before it begins.')
  if (silence.matchers.every((one) => accepts(one, ''))) problems.push('It accepts everything: name what it is about.')
  if (!rolesOf(plan).includes(silence.by)) {
    problems.push(`"${silence.by}" is no role of the plan: ${rolesOf(plan).join(', ')}.`)
  }
  return problems
}

/** The silence with the latest end that covers an alert at a moment; its end does not belong to it. */
export function silenceOf(silences: Iterable<Silence>, alert: Silenceable, atMs: number): Silence | undefined {
  let found: Silence | undefined
  for (const silence of silences) {
    if (atMs < silence.fromMs || atMs >= silence.untilMs || !covers(silence, alert)) continue
    if (!found || silence.untilMs > found.untilMs) found = silence
  }
  return found
}

/** The silence, ended at a moment; one that ended before stays as it is. */
export function expired(silence: Silence, atMs: number): Silence {
  return silence.untilMs <= atMs ? silence : { ...silence, untilMs: Math.max(atMs, silence.fromMs) }
}

function covers({ matchers }: Silence, { alert, severity, labels }: Silenceable): boolean {
  return matchers.every((one) => {
    if (one.label === 'alert') return accepts(one, alert)
    if (one.label === 'severity') return accepts(one, severity)
    return accepts(one, labels[one.label] ?? '')
  })
}

function accepts({ op, value }: Silence['matchers'][number], text: string): boolean {
  if (op === '=') return text === value
  if (op === '!=') return text !== value
  // A pattern that cannot be read silences nothing.
  const pattern = patternOf(value)
  return pattern !== undefined && pattern.test(text) === (op === '=~')
}

function patternOf(value: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${value})$`, 's')
  } catch {
    return undefined
  }
}
