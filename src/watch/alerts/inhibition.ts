import type { Labels } from '../series.ts'
import type { AlertRule } from './rule.ts'

/** A firing instance, as far as inhibition is concerned. */
export interface Firing {
  alert: string
  labels: Labels
}

/**
 * The alert that makes telling of another one needless: its rule inhibits the other's, it fires, and no label that both
 * carry differs. A silenced alert inhibits as well: whoever silenced it knows.
 */
export function inhibitorOf(
  instance: Firing,
  firing: readonly Firing[],
  rules: ReadonlyMap<string, AlertRule>,
): Firing | undefined {
  return firing.find(
    (other) =>
      other.alert !== instance.alert &&
      rules.get(other.alert)?.inhibits.includes(instance.alert) === true &&
      Object.entries(other.labels).every(
        ([name, value]) => instance.labels[name] === undefined || instance.labels[name] === value,
      ),
  )
}
