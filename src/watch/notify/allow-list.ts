import { alertSeverity } from '../../plan/alerts.ts'
import { deriveGuarantees } from '../../plan/derive.ts'
import type { Plan } from '../../plan/plan.ts'
import type { AlertInstance } from '../alerts/notice.ts'
import type { MessageAlert } from './message.ts'

/*
 * What may be said of an alert. Nothing of the instance is trusted to be clean: its name only selects an entry of the plan, and the
 * words come from there; labels pass by name and by value. An instance the plan does not know is told of as `other`, without a word of its own.
 */

type Words = Pick<MessageAlert, 'alert' | 'severity' | 'summary' | 'runbook' | 'labels'>

/** The name the alert that watches the pager itself goes by; no rule of a plan can be called so. */
export const heartbeatAlert = 'pager:heartbeat'

/** The parts of an alert that are text, made from the plan. */
export function permittedAlert(plan: Plan, instance: AlertInstance): Words {
  const labels = permittedLabels(plan, instance.labels)
  const severity = alertSeverity.options.find((known) => known === instance.severity) ?? 'critical'
  const rule = Object.hasOwn(plan.alerts, instance.alert) ? plan.alerts[instance.alert] : undefined
  if (rule !== undefined) {
    const summary = rule.summary ?? instance.alert
    return { alert: instance.alert, severity: rule.severity, summary, labels, ...runbookOf(plan, rule.runbook) }
  }
  if (instance.alert === heartbeatAlert)
    return { alert: heartbeatAlert, severity, summary: 'The pager tries itself', labels: {} }
  const [kind, ...rest] = instance.alert.split(':')
  const name = rest.join(':')
  if (kind === 'probe' && Object.hasOwn(plan.probes, name)) {
    const summary = `probe ${name}`
    return { alert: `probe:${name}`, severity, summary, labels, ...runbookOf(plan, plan.probes[name]?.runbook) }
  }
  const guarantee = kind === 'guarantee' ? deriveGuarantees(plan).find(({ id }) => id === name) : undefined
  if (guarantee !== undefined) return { alert: `guarantee:${guarantee.id}`, severity, summary: guarantee.claim, labels }
  return { alert: 'other', severity, summary: 'An alert that the plan does not name', labels }
}

function permittedLabels(plan: Plan, labels: AlertInstance['labels']): Record<string, string> {
  const declared = plan.telemetry.labels
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([name]) => Object.hasOwn(declared, name))
      .map(([name, value]) => [name, declared[name]?.includes(value) ? value : 'other']),
  )
}

function runbookOf(plan: Plan, name: string | undefined): Pick<MessageAlert, 'runbook'> {
  const runbook = name !== undefined && Object.hasOwn(plan.runbooks, name) ? plan.runbooks[name] : undefined
  return name === undefined || runbook === undefined
    ? {}
    : { runbook: { name, title: runbook.title, file: runbook.file } }
}
