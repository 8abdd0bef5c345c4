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
export type SilenceMatcher = Silence['matchers'][number]

/** What a silence is held against. */
export interface Silenceable {
  alert: string
  severity: AlertSeverity
  labels: Labels
}

/** Roles that a plan names: who is at the end of a channel, or owns a runbook. */
export function rolesOf(plan: Plan): string[] {
  const reached = Object.values(plan.incidents.channels).map(({ reaches }) => reaches)
  return [...new Set([...reached, ...Object.values(plan.runbooks).map(({ owner }) => owner)])]
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

/** Silences in force that an alert may fall under; which of its series do, their labels tell. The one that ends last comes first. */
export function silencesAbout(
  silences: Iterable<Silence>,
  { alert, severity }: Omit<Silenceable, 'labels'>,
  atMs: number,
): Silence[] {
  return [...silences]
    .filter(({ fromMs, untilMs }) => atMs >= fromMs && atMs < untilMs)
    .filter(({ matchers }) => covers({ matchers: matchers.filter(isOfRule) }, { alert, severity, labels: {} }))
    .sort((a, b) => b.untilMs - a.untilMs)
}

/** What a silence is about, as it was typed. */
export function matchersText(matchers: readonly SilenceMatcher[]): string {
  return matchers.map(({ label, op, value }) => `${label}${op}${value}`).join(', ')
}

/** Whether a matcher is about the rule and not about a label of its series. */
export function isOfRule({ label }: SilenceMatcher): boolean {
  return label === 'alert' || label === 'severity'
}

export function covers({ matchers }: Pick<Silence, 'matchers'>, { alert, severity, labels }: Silenceable): boolean {
  return matchers.every((one) => {
    if (one.label === 'alert') return accepts(one, alert)
    if (one.label === 'severity') return accepts(one, severity)
    return accepts(one, labels[one.label] ?? '')
  })
}

/** Whether a text meets a matcher. */
export function accepts({ op, value }: SilenceMatcher, text: string): boolean {
  if (op === '=') return text === value
  if (op === '!=') return text !== value
  // A pattern that cannot be read silences nothing.
  const pattern = patternOf(value)
  return pattern !== undefined && pattern.test(text) === (op === '=~')
}

/** Undefined when it can not be read. A pattern is held against the whole text. */
export function patternOf(value: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${value})$`, 's')
  } catch {
    return undefined
  }
}
