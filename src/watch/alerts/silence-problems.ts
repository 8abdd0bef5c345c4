import { alertSeverity } from '../../plan/alerts.ts'
import { deriveGuarantees } from '../../plan/derive.ts'
import { nearest } from '../../plan/nearest.ts'
import type { Plan } from '../../plan/plan.ts'
import { formatDuration } from '../../plan/units.ts'
import { typedProblems } from '../typed-words.ts'
import type { AlertSeverity } from './notice.ts'
import { guaranteeRule, heartbeatName, rulesOf } from './rule.ts'
import { accepts, covers, isOfRule, patternOf, rolesOf, type Silence, type SilenceMatcher } from './silence.ts'

/** What is meant to last longer is a change of the plan. */
const longestMs = 30 * 86_400_000
const longestWhy = 200

/** What is wrong with a silence that somebody asks for, in sentences; empty when it may be kept. */
export function silenceProblems(plan: Plan, silence: Silence): string[] {
  const silenceable = silenceableOf(plan)
  const names = [...new Set(silenceable.map(({ alert }) => alert))]
  const problems = silence.matchers.flatMap((one) => matcherProblems(plan, names, one))
  const lastsMs = silence.untilMs - silence.fromMs
  if (!(lastsMs > 0)) problems.push('It ends before it begins.')
  if (lastsMs > longestMs)
    problems.push(
      `It lasts at most ${formatDuration(longestMs)}: what is to stay quiet for longer is changed in the plan.`,
    )
  if (silence.matchers.every((one) => accepts(one, ''))) problems.push('It accepts everything: name what it is about.')
  if (problems.length === 0) {
    const ofRule = silence.matchers.filter(isOfRule)
    if (!silenceable.some((one) => covers({ matchers: ofRule }, { ...one, labels: {} })))
      problems.push('No alert of the plan is all of that: it would silence nothing.')
  }
  problems.push(...roleProblems(plan, silence.by))
  return [...problems, ...typedProblems(silence.why, longestWhy).map((problem) => `Why ${problem}.`)]
}

/**
 * What is wrong with a role that somebody says to act in.
 * @param besides roles that there are in every plan.
 */
export function roleProblems(plan: Plan, by: string, besides: readonly string[] = []): string[] {
  const roles = [...rolesOf(plan), ...besides]
  return roles.includes(by) ? [] : [`"${by}" is no role of the plan: ${roles.join(', ')}.${meant(by, roles)}`]
}

/** Every alert that a plan can make, as grave as it can be. The heartbeat is told whatever is silenced. */
export function silenceableOf(plan: Plan): { alert: string; severity: AlertSeverity }[] {
  const rules = rulesOf(plan).filter(({ name }) => name !== heartbeatName)
  const guarantees = deriveGuarantees(plan).flatMap(({ id }) =>
    (['refuted', 'stale'] as const).map((verdict) => guaranteeRule(plan, id, verdict)),
  )
  return [...rules, ...guarantees].map(({ name, severity }) => ({ alert: name, severity }))
}

/** `Did you mean errors_high?` with a space before it, or nothing. */
export function meant(written: string, known: Iterable<string>): string {
  const near = nearest(written, known)
  return near === undefined ? '' : ` Did you mean ${near}?`
}

function matcherProblems(plan: Plan, names: readonly string[], matcher: SilenceMatcher): string[] {
  const { label, op, value } = matcher
  const labels = plan.telemetry.labels
  const declared = Object.hasOwn(labels, label) ? labels[label] : undefined
  const known =
    label === 'alert' ? names : label === 'severity' ? alertSeverity.options : declared && [...declared, 'other', '']
  if (known === undefined)
    return [`No alert carries the label "${label}".${meant(label, ['alert', 'severity', ...Object.keys(labels)])}`]
  if (op.includes('~') && patternOf(value) === undefined) return [`"${value}" is no pattern.`]
  // Held against the pattern or value itself, whether it is to hold or not to.
  if (known.some((one) => accepts({ label, op: op.includes('~') ? '=~' : '=', value }, one))) return []
  if (label === 'alert' && value === heartbeatName) return [`${heartbeatName} is told whatever is silenced.`]
  const few = known.filter((one) => one !== '')
  const what = label === 'alert' ? 'No alert of the plan is called' : `The label ${label} never has the value`
  return [`${what} "${value}"${few.length <= 8 ? `, but ${few.join(', ')}` : ''}.${meant(value, few)}`]
}
