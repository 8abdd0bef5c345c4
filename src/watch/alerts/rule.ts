import type { Verdict } from '../../ledger/evidence.ts'
import { alertSeverity } from '../../plan/alerts.ts'
import { burnRateAlerts } from '../../plan/burn-rate.ts'
import type { Plan } from '../../plan/plan.ts'
import { spendAlerts } from '../../plan/spend-alerts.ts'
import type { AlertSeverity } from './notice.ts'

/** What a rule judges by. */
export type RuleSource =
  /** PromQL; with `minimumSample` nothing is concluded while its query gives less. */
  | { kind: 'query'; when: string; minimumSample: { of: string; atLeast: number } | undefined }
  /** How many failures in a row count. */
  | { kind: 'probe'; failures: number }
  | { kind: 'guarantee'; verdict: Verdict }
  /** Fires as long as evaluation works; it is its absence that tells something. */
  | { kind: 'heartbeat'; everyMs: number }

/** One rule that may fire: an alert of the plan, a probe, an objective's burn rate, a budget, a guarantee or the heartbeat. */
export interface AlertRule {
  /** As `AlertInstance.alert` has it. */
  name: string
  source: RuleSource
  /** How long the condition must be seen to hold. */
  forMs: number
  /** How long it goes on firing after the condition ended. */
  keepFiringForMs: number
  severity: AlertSeverity
  /** Channels, those of its severity included; empty when nobody is told. */
  channels: readonly string[]
  /** The plan's words; `{{label}}` and `{{value}}` are filled in. */
  summary: string
  runbook: string | undefined
  /** Rules that are not told while this one fires with the same labels. */
  inhibits: readonly string[]
}

/** The alert whose absence a receiver notices: the dead-man switch. */
export const heartbeatName = 'pager:heartbeat'

/** Every rule a plan makes, guarantees excepted, which come from the ledger: `guaranteeRule`. */
export function rulesOf(plan: Plan): AlertRule[] {
  const alerts = { ...plan.alerts, ...burnRateAlerts(plan), ...spendAlerts(plan) }
  const rules: AlertRule[] = Object.entries(alerts).map(([name, alert]) => ({
    name,
    source: { kind: 'query', when: alert.when, minimumSample: alert.minimumSample },
    forMs: alert.for,
    keepFiringForMs: alert.keepFiringFor,
    severity: alert.severity,
    channels: channelsOf(plan, alert.severity, alert.notify),
    summary: alert.summary ?? name,
    runbook: alert.runbook,
    inhibits: alert.inhibits,
  }))
  for (const [name, probe] of Object.entries(plan.probes)) {
    const severity = probeSeverity(plan, probe.runbook)
    rules.push({
      ...plain(
        `probe:${name}`,
        severity,
        channelsOf(plan, probe.notify.length > 0 ? severity : undefined, probe.notify),
      ),
      source: { kind: 'probe', failures: probe.failures },
      summary: `The probe ${name} fails`,
      runbook: probe.runbook,
    })
  }
  const { heartbeat } = plan.incidents
  if (heartbeat) {
    rules.push({
      ...plain(heartbeatName, 'low', heartbeat.notify),
      source: { kind: 'heartbeat', everyMs: heartbeat.every },
      summary: 'Watching works',
    })
  }
  return rules
}

/** The rule of one guarantee; it fires while the verdict is `refuted` or `stale`. */
export function guaranteeRule(plan: Plan, id: string, verdict: Verdict): AlertRule {
  const { guarantees } = plan.incidents
  const severity = verdict === 'stale' ? guarantees.stale : guarantees.refuted
  return {
    ...plain(`guarantee:${id}`, severity, channelsOf(plan, severity, guarantees.notify)),
    source: { kind: 'guarantee', verdict },
    summary: verdict === 'stale' ? 'A guarantee has no fresh proof' : 'A guarantee is refuted',
  }
}

/** Smaller is graver. */
export function gravity(severity: AlertSeverity): number {
  return alertSeverity.options.indexOf(severity)
}

function plain(name: string, severity: AlertSeverity, channels: readonly string[]) {
  return { name, forMs: 0, keepFiringForMs: 0, severity, channels, runbook: undefined, inhibits: [] }
}

/** A probe that notifies nobody is read by an alert of the plan and stays quiet itself. */
function channelsOf(plan: Plan, severity: AlertSeverity | undefined, notify: readonly string[]): string[] {
  const bySeverity = severity === undefined ? [] : (plan.incidents.routing.severities[severity] ?? [])
  return [...new Set([...notify, ...bySeverity])]
}

/** A probe is as grave as the incident its runbook is for; `high` where the plan does not tell. */
function probeSeverity(plan: Plan, runbook: string | undefined): AlertSeverity {
  const severity = runbook === undefined ? undefined : plan.runbooks[runbook]?.severity
  const alerts = severity === undefined ? undefined : plan.incidents.severities[severity]?.alerts
  return alerts?.toSorted((a, b) => gravity(a) - gravity(b))[0] ?? 'high'
}
