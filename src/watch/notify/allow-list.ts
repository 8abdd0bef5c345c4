import { alertSeverity } from '../../plan/alerts.ts'
import { deriveGuarantees } from '../../plan/derive.ts'
import type { Plan } from '../../plan/plan.ts'
import type { AlertInstance, AlertSeverity } from '../alerts/notice.ts'
import { type AlertRule, guaranteeRule, rulesOf } from '../alerts/rule.ts'
import { listedLabels } from '../alerts/rule-state.ts'
import { filledSummary } from '../alerts/summary.ts'
import type { Labels } from '../series.ts'

/*
 * What may be said of an alert. Nothing of the instance is trusted to be clean: its name only selects a rule that the plan makes, and the
 * words come from there; labels pass by name and by value. An instance the plan does not know is told of as `other`, without a word of its own.
 */

interface Words {
  alert: string
  severity: AlertSeverity
  summary: string
  labels: Labels
  runbook?: { name: string; title: string; file: string }
}

/** The parts of an alert that are text, made from the plan. */
export function permittedAlert(plan: Plan, instance: AlertInstance): Words {
  const labels = listedLabels(plan, instance.labels)
  const severity = alertSeverity.options.find((known) => known === instance.severity) ?? 'critical'
  const guarantee = guaranteeOf(plan, instance.alert)
  if (guarantee !== undefined) return { alert: `guarantee:${guarantee.id}`, severity, summary: guarantee.claim, labels }
  const tested = testedOf(instance.alert)
  const rule = ruleNamed(plan, tested ?? instance.alert)
  if (rule === undefined) return { alert: 'other', severity, summary: 'An alert that the plan does not name', labels }
  const words = filledSummary(rule.summary, labels, instance.value)
  const [alert, summary] = tested === undefined ? [rule.name, words] : [testName(rule.name), `TEST. ${words}`]
  return { alert, severity: rule.severity, summary, labels, ...runbookOf(plan, rule.runbook) }
}

/** The channels that notices of an alert go to by themselves. */
export function noticedOn(plan: Plan, alert: string): readonly string[] {
  const guarantee = guaranteeOf(plan, alert)
  if (guarantee === undefined) return ruleNamed(plan, testedOf(alert) ?? alert)?.channels ?? []
  return (['refuted', 'stale'] as const).flatMap((verdict) => guaranteeRule(plan, guarantee.id, verdict).channels)
}

const testing = 'test:'

/** What a notice that only tries the way of an alert calls it; its words say TEST. */
export function testName(alert: string): string {
  return `${testing}${alert}`
}

/** Whether an alert of a message only tries the way. */
export function isTest(alert: string): boolean {
  return testedOf(alert) !== undefined
}

function testedOf(alert: string): string | undefined {
  return alert.startsWith(testing) ? alert.slice(testing.length) : undefined
}

function ruleNamed(plan: Plan, alert: string): AlertRule | undefined {
  return rulesOf(plan).find(({ name }) => name === alert)
}

function guaranteeOf(plan: Plan, alert: string) {
  const [, id] = /^guarantee:(.*)$/s.exec(alert) ?? []
  return id === undefined ? undefined : deriveGuarantees(plan).find((guarantee) => guarantee.id === id)
}

/** What the plan says to do about an alert. */
export function runbookOf(plan: Plan, name: string | undefined): Pick<Words, 'runbook'> {
  const runbook = name !== undefined && Object.hasOwn(plan.runbooks, name) ? plan.runbooks[name] : undefined
  return name === undefined || runbook === undefined
    ? {}
    : { runbook: { name, title: runbook.title, file: runbook.file } }
}
