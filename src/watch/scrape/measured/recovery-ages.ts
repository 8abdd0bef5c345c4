import type { Clock } from '../../../clock.ts'
import type { Evidence } from '../../../ledger/evidence.ts'
import type { Plan } from '../../../plan/plan.ts'
import { type Reading, reading, type Target } from '../reading.ts'

/** What is known of backups, read where they are kept. */
export interface RecoveryFacts {
  /** Backups that verified, with the entry of `recovery.backups` each belongs to. */
  backups: readonly { backup: string | undefined; storedAtMs: number }[]
  /** How often each backup failed, ever. */
  failures: ReadonlyMap<string, number>
  /** Newest moment that can be restored; undefined while there is none. */
  restorableUntilMs: number | undefined
  /** When the oldest write was made that no store holds; undefined when all are stored. */
  oldestUnstoredMs: number | undefined
  /** Evidence of the system in the ledger. */
  evidence: readonly Evidence[]
}

/** Ages of backups, drills and proofs; told for every backup and drill of the plan that there is something to tell of. */
export function recoveryTarget(options: {
  plan: Plan
  everyMs: number
  timeoutMs: number
  facts: (signal: AbortSignal) => Promise<RecoveryFacts>
  clock: Clock
}): Target {
  const { plan, everyMs, timeoutMs, facts, clock } = options
  return {
    job: 'recovery',
    instance: plan.system,
    everyMs,
    timeoutMs,
    own: true,
    read: async (signal) => recoveryReadings(plan, await facts(signal), clock.now()),
  }
}

/** @param nowMs what ages are counted from. */
export function recoveryReadings(plan: Plan, facts: RecoveryFacts, nowMs: number): Reading[] {
  const newest = (moments: readonly number[]) => (moments.length === 0 ? undefined : Math.max(...moments))
  const known = (name: string, value: number | undefined, labels: Record<string, string> = {}) =>
    value === undefined ? [] : [reading(name, value, labels)]
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000)
  const age = (ms: number | undefined) => (ms === undefined ? undefined : Math.max(0, (nowMs - ms) / 1000))
  const { backups, failures, restorableUntilMs, oldestUnstoredMs, evidence } = facts
  const storedAt = (name: string) =>
    newest(backups.filter(({ backup }) => backup === name).map(({ storedAtMs }) => storedAtMs))
  return [
    ...known('last_backup_age_seconds', age(newest(backups.map(({ storedAtMs }) => storedAtMs)))),
    ...known('recovery_point_age_seconds', age(restorableUntilMs)),
    reading('aval_wal_stored_lag_seconds', age(oldestUnstoredMs) ?? 0),
    ...Object.keys(plan.recovery.backups).flatMap((backup) => [
      ...known('aval_backup_last_success_timestamp_seconds', seconds(storedAt(backup)), { backup }),
      reading('aval_backup_failures_total', failures.get(backup) ?? 0, { backup }),
    ]),
    ...Object.entries(plan.recovery.drills).flatMap(([drill, { verifies, scenario }]) => {
      const prefix = verifies
        ? 'integrity/backups/'
        : scenario === undefined
          ? undefined
          : `recovery/procedure:${scenario}/`
      if (prefix === undefined) return []
      const held = evidence.filter(({ guarantee }) => guarantee.startsWith(prefix))
      return [
        reading('aval_drill_failures_total', held.filter(({ verdict }) => verdict === 'refuted').length, { drill }),
        ...known('aval_drill_last_success_timestamp_seconds', seconds(lastSuccess(held)), { drill }),
      ]
    }),
    ...known('aval_proof_age_seconds', age(newest(evidence.map(endOf)))),
  ]
}

/** When all that a drill has to show was last shown: the earliest of the newest proofs of each, none while one was never proven. */
function lastSuccess(held: readonly Evidence[]): number | undefined {
  const moments = [...Map.groupBy(held, ({ guarantee }) => guarantee).values()].map((own) =>
    Math.max(...own.filter(({ verdict }) => verdict === 'proven').map(endOf)),
  )
  const earliest = Math.min(...moments)
  return Number.isFinite(earliest) ? earliest : undefined
}

function endOf({ startedAt, tookMs }: Evidence): number {
  return Date.parse(startedAt) + tookMs
}
