import { timestamp } from '../../clock.ts'
import type { Labels } from '../series.ts'
import type { MaintenanceWindow } from './maintenance.ts'
import { readerOf } from './probe-readers.ts'
import { type AlertRule, heartbeatName } from './rule.ts'
import type { RuleState } from './rule-state.ts'
import { type Silence, silenceOf } from './silence.ts'

/*
 * What fires and is told to nobody opens no incident and sets nothing in motion. It is said wherever somebody looks, so that a quiet night is
 * not taken for a good one. What another alert inhibits is not among it: people hear of that one.
 */

/** What keeps people from being told. */
export interface Hush {
  silences: readonly Silence[]
  windows: readonly MaintenanceWindow[]
  /** All rules: another one may tell of what a probe saw. */
  rules: ReadonlyMap<string, AlertRule>
}

/** Why nobody is told of one firing series of a rule, as the end of a sentence; undefined when somebody is. */
export function untoldOf(
  rule: AlertRule,
  labels: Labels,
  { silences, windows, rules }: Hush,
  atMs: number,
): string | undefined {
  const { name, severity, channels } = rule
  const nobody = 'nobody is told and no incident opens'
  if (channels.length === 0) {
    const reader = readerOf(rule, rules)
    return reader === undefined
      ? `it names no channel: ${nobody}`
      : `it names no channel: people hear of it by ${reader}`
  }
  const silence = silenceOf(silences, { alert: name, severity, labels }, atMs)
  if (silence !== undefined) return `silenced until ${timestamp(silence.untilMs)} by ${silence.by}: ${nobody}`
  const endMs = windows.find((window) => window.covers(name) && window.endsAt(atMs) !== undefined)?.endsAt(atMs)
  return endMs === undefined ? undefined : `in maintenance until ${timestamp(endMs)}: ${nobody}`
}

/**
 * Follows what fires from round to round.
 * @returns what takes a round and tells of every series that begins to fire and of which nobody is told.
 */
export function followUntold(tell: (alert: string, labels: Labels, why: string) => void) {
  let before: ReadonlySet<string> = new Set()
  return (states: ReadonlyMap<string, RuleState>, hush: Hush, atMs: number): void => {
    const firing = new Set<string>()
    for (const [name, { instances }] of states) {
      const rule = hush.rules.get(name)
      if (rule === undefined || name === heartbeatName) continue
      for (const { id, phase, labels } of instances) {
        if (phase !== 'firing') continue
        firing.add(id)
        const why = before.has(id) ? undefined : untoldOf(rule, labels, hush, atMs)
        if (why !== undefined) tell(name, labels, why)
      }
    }
    before = firing
  }
}
