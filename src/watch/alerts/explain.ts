import { timestamp } from '../../clock.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { formatDuration } from '../../plan/units.ts'
import type { Labels } from '../series.ts'
import type { AlertFacts } from './alert-facts.ts'
import { figure } from './reading.ts'
import { heartbeatName } from './rule.ts'
import { heldMs, type Instance } from './rule-state.ts'
import { isOfRule, matchersText } from './silence.ts'

/** Why an alert fires, waits, is quiet, cannot be judged, or can never fire. */
export interface Explanation {
  verdict: 'firing' | 'pending' | 'quiet' | 'unknown' | 'never'
  sentences: string[]
}

/** Says in words and figures what the facts come to. */
export function explainAlert(facts: AlertFacts): Explanation {
  const { state, reading, selectors, rule } = facts
  const instances = state?.instances ?? []
  const firing = instances.some(({ phase }) => phase === 'firing')
  const never = selectors.flatMap((one) => (one.never === undefined ? [] : [`${one.text}: ${one.never}`]))
  const sentences = instances.map((instance) => ofInstance(facts, instance))
  if (reading.kind === 'unknown') sentences.push(ofUnknown(facts))
  sentences.push(...ofFigures(facts))
  for (const { text, series } of selectors) {
    if (series === 0 && !(reading.kind === 'unknown' && reading.why === 'missing'))
      sentences.push(`No such series: ${text}.`)
  }
  if (rule.channels.length === 0)
    sentences.push(
      facts.reader === undefined
        ? 'It names no channel: nobody is told, no incident opens and nothing is done by itself.'
        : `It names no channel: people hear of it by ${facts.reader}.`,
    )
  sentences.push(...ofSilences(facts))
  if (instances.length > 0) return { verdict: firing ? 'firing' : 'pending', sentences }
  if (never.length > 0) return { verdict: 'never', sentences: [`It can never fire. ${never.join(' ')}`, ...sentences] }
  if (reading.kind === 'unknown') return { verdict: 'unknown', sentences }
  if (reading.points.length > 0)
    return { verdict: 'pending', sentences: ['Its condition holds since this moment.', ...sentences] }
  return { verdict: 'quiet', sentences: [quiet(facts), ...sentences] }
}

function ofInstance({ rule, atMs, muffled, toldMs }: AlertFacts, instance: Instance): string {
  const { phase, sinceMs, unobservedMs, falseSinceMs, labels, id } = instance
  const value = instance.value === null ? 'no number' : figure(instance.value)
  const blind = unobservedMs > 0 ? `, of which ${readableMs(unobservedMs)} could not be seen and do not count` : ''
  const held = `since ${timestamp(sinceMs)}, for ${readableMs(atMs - sinceMs)}${blind}`
  if (phase === 'pending') {
    const left = Math.max(0, rule.forMs - heldMs(instance, atMs))
    return `Pending${named(labels)} ${held}; it fires when it held for ${formatDuration(rule.forMs)}, in ${readableMs(left)}. Its last figure is ${value}.`
  }
  const over =
    falseSinceMs === undefined
      ? ''
      : ` Its condition does not hold since ${timestamp(falseSinceMs)}; it fires on for ${formatDuration(rule.keepFiringForMs)} after that.`
  const told = toldMs.get(id)
  const whether =
    told === undefined ? ' No channel was told yet.' : ` Its channels were told last at ${timestamp(told)}.`
  const by = muffled.get(id)
  const why = [
    by?.silence && `silenced until ${timestamp(by.silence.untilMs)} by ${by.silence.by}: ${by.silence.why}`,
    by?.maintenance && `in the maintenance window ${by.maintenance.name} until ${timestamp(by.maintenance.endsAtMs)}`,
    by?.inhibitor && `inhibited by ${by.inhibitor}`,
  ].filter((one) => one !== undefined)
  const muted = why.length === 0 ? '' : ` It is ${why.join(', and ')}.`
  return `Firing${named(labels)} ${held}. Its last figure is ${value}.${over}${whether}${muted}`
}

/** Whoever looks at three in the morning is to know that nobody was called, and why. */
function ofSilences({ rule, silences }: AlertFacts): string[] {
  if (rule.name === heartbeatName) return []
  return silences.map(({ id, matchers, untilMs, by, why }) => {
    const series = matchers.filter((one) => !isOfRule(one))
    const what = series.length === 0 ? '' : ` of ${matchersText(series)}`
    return `Silence ${id}${what}, until ${timestamp(untilMs)} by ${by}: ${why}. Nobody is told, no incident opens and nothing is done by itself.`
  })
}

function ofUnknown({ reading, state }: AlertFacts): string {
  if (reading.kind === 'known') return ''
  const since = state?.unknown?.why === reading.why ? ` since ${timestamp(state.unknown.sinceMs)}` : ''
  switch (reading.why) {
    case 'failed':
      return `Its evaluation fails${since}: ${reading.says}. It neither fires nor ends by it.`
    case 'missing':
      return `There is nothing to judge${since}: ${reading.says}. It neither fires nor ends by it.`
    case 'inconclusive':
      return `Too little was seen to conclude anything${since}: ${reading.says}.`
  }
}

function ofFigures({ compared }: AlertFacts): string[] {
  if (!compared) return []
  const { left, op, bound, now } = compared
  if ('problem' in now || 'missing' in now || now.length === 0) return [`Its figure has no value now: ${left}.`]
  const shown = now.slice(0, 5).map(({ labels, value }) => `${figure(value)}${named(labels)}`)
  const more = now.length > shown.length ? ` and ${now.length - shown.length} more` : ''
  return [`Its figure is ${shown.join(', ')}${more}; the condition is ${op} ${figure(bound)}.`]
}

function quiet({ rule, state }: AlertFacts): string {
  const { source } = rule
  switch (source.kind) {
    case 'probe':
      return `The probe failed ${state?.failuresInARow ?? 0} times in a row; ${source.failures} count.`
    case 'guarantee':
      return `The guarantee is ${source.verdict}.`
    case 'query':
      return 'Its condition does not hold.'
    case 'heartbeat':
      return 'It was not sent yet.'
  }
}

function named(labels: Labels): string {
  const names = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  return names.length === 0 ? '' : ` (${names.join(', ')})`
}
