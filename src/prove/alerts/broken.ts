import type { Notice } from '../../watch/alerts/notice.ts'
import type { AlertRule } from '../../watch/alerts/rule.ts'
import type { Fault, FaultMutant } from '../prover.ts'

/** Ways in which alerts fail in practice, each made beside the plan. */
export const alertMutants: readonly FaultMutant[] = [
  ...mutants('alert-metric-misspelt', 'The name of a metric has a letter too few', /nobody emit what it reads/),
  ...mutants('alert-label-misspelt', 'A label is compared with a value that nothing has', /nobody emit|never fire/),
  ...mutants('alert-bound-moved', 'The rule that runs has ten times the bound', /Nobody is told/),
  ...mutants('alert-duration-ignored', 'The rule that runs fires at once', /less than|early/),
  ...mutants('alert-duration-doubled', 'The rule that runs waits twice as long', /Nobody is told|late/),
  ...mutants('channel-unplugged', 'Nothing is set for the channel', /was told nothing/),
  ...mutants('message-repeated', 'One firing is taken for two', /told \d+ times|does not hear/),
  ...mutants('answer-forgotten', 'The answer is about something else', /not kept|not understood/),
  ...mutants('end-untold', 'What has ended is told to nobody', /never told that it is over/),
]

function mutants(fault: Fault, description: string, says: RegExp): FaultMutant[] {
  const breaks: FaultMutant['breaks'] = (guarantees) =>
    guarantees.find(({ kind, path }) => kind === 'alerts' && path[0] === 'alerts' && path[1] === 'high_error_rate')
  return [{ id: fault, fault, description, breaks, says }]
}

/** The rule as somebody wrote it wrongly into the plan. */
export function writtenWrongly(rule: AlertRule, faults: ReadonlySet<Fault>): AlertRule {
  if (rule.source.kind !== 'query') return rule
  const { when } = rule.source
  if (faults.has('alert-metric-misspelt'))
    return { ...rule, source: { ...rule.source, when: when.replace(/([a-z]{4,})s_/, '$1_') } }
  if (faults.has('alert-label-misspelt'))
    return { ...rule, source: { ...rule.source, when: when.replace(/=~?"[^"]*"/, '="5XX"') } }
  return rule
}

/** The rule that runs in place of the one in the plan. */
export function runningInstead(rule: AlertRule, faults: ReadonlySet<Fault>): AlertRule {
  if (faults.has('alert-duration-ignored')) return { ...rule, forMs: 0 }
  if (faults.has('alert-duration-doubled')) return { ...rule, forMs: 2 * rule.forMs }
  if (faults.has('alert-bound-moved') && rule.source.kind === 'query') {
    const when = rule.source.when.replace(/([\d.]+)$/, (bound) => String(10 * Number(bound)))
    return { ...rule, source: { ...rule.source, when } }
  }
  return rule
}

/** The notices as a broken hand-over lets them through. */
export function handedOver(notices: readonly Notice[], faults: ReadonlySet<Fault>): readonly Notice[] {
  if (faults.has('end-untold')) return notices.filter(({ status }) => status === 'firing')
  if (faults.has('message-repeated'))
    return notices.flatMap((notice) => [
      notice,
      { ...notice, group: `${notice.group} again`, alerts: notice.alerts.map((one) => ({ ...one, id: `${one.id}2` })) },
    ])
  return notices
}
