import type { Plan } from '../../plan/plan.ts'
import type { Labels } from '../series.ts'

/** How grave an alert is, as plans say it. */
export type AlertSeverity = Plan['alerts'][string]['severity']

/** One instance of an alert that somebody is to know of: a rule of the plan and the labels of the series that made it fire. */
export interface AlertInstance {
  /** The same for the same rule and labels, so that whoever receives it can tell a repetition from news. */
  id: string
  /** Name of the rule in `alerts` of the plan, of a probe as `probe:<name>`, or of a guarantee as `guarantee:<id>`. */
  alert: string
  /** Only names and values that the plan lists; a person's data can not be among them. */
  labels: Labels
  severity: AlertSeverity
  status: 'firing' | 'resolved'
  /** When its condition began to hold, and when it ended; milliseconds since the epoch. */
  startedAtMs: number
  endedAtMs: number | undefined
  /** The plan's own words, never made of figures' texts. */
  summary: string
  /** Name of a runbook of the plan. */
  runbook: string | undefined
  /** The figure of the last evaluation. */
  value: number
}

/** What one channel is told at once: alerts that belong together. */
export interface Notice {
  /** The same for every notice of one group on one channel; a provider's deduplication key. */
  group: string
  /** A name of `incidents.channels`. */
  channel: string
  /** Never empty. `firing` when any of them is. */
  alerts: readonly AlertInstance[]
  status: 'firing' | 'resolved'
  atMs: number
}
