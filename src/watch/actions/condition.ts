import type { Plan } from '../../plan/plan.ts'
import { formatDuration } from '../../plan/units.ts'
import type { ActionKind } from './runs.ts'

type Then = Plan['alerts'][string]['then']

/** How long after an action the next of its kind is held back, where the plan does not say. */
export const usualCoolDownMs = 1_800_000

/** Why the plan's own condition holds an action back; undefined when it does not. Times are milliseconds since the epoch. */
export function heldBack(
  then: Then,
  action: ActionKind,
  { nowMs, startedAtMs, deployedAtMs }: { nowMs: number; startedAtMs: number; deployedAtMs: number | undefined },
): string | undefined {
  if (action === 'rollback' && then.rollback) {
    const { ifDeployedWithin } = then.rollback
    if (deployedAtMs === undefined) return 'no release is known'
    if (nowMs - deployedAtMs > ifDeployedWithin) return `the release is older than ${formatDuration(ifDeployedWithin)}`
  }
  if (action === 'failover' && then.failover && nowMs - startedAtMs < then.failover.after)
    return `it has not lasted ${formatDuration(then.failover.after)} yet`
  return undefined
}
