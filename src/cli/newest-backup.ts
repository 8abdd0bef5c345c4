import { AvalError } from '../errors.ts'
import type { Plan } from '../plan/plan.ts'
import { promisesRecovery } from '../run/archive.ts'
import { roundsOf } from '../schedule/calendar.ts'
import type { CommandContext } from './command.ts'
import { openChosenEngine } from './engine-choice.ts'
import type { WatchedSystem } from './watch-records.ts'

/** When the newest backup of a system was complete, milliseconds since the epoch; undefined while there is none. */
export async function newestBackupMs(
  { project, system }: WatchedSystem,
  context: CommandContext,
): Promise<number | undefined> {
  try {
    const engine = await openChosenEngine(project, system.name, {}, context, false)
    return (await engine.list({ openable: true })).at(-1)?.stoppedAt
  } catch (error) {
    if (error instanceof AvalError && error.code === 'REPOSITORY_ABSENT') return undefined
    throw error
  }
}

/** What is wrong with the age of the newest backup; undefined where nothing is, or where the plan promises none. */
export function backupTrouble(plan: Plan, newestMs: number | undefined, nowMs: number): string | undefined {
  if (!promisesRecovery({ system: { plan } })) return undefined
  if (newestMs === undefined) return 'has no backup'
  const due = Object.entries(plan.recovery.backups).flatMap(([name, { of, schedule }]) => {
    const dueMs = of === 'database' && schedule !== undefined ? roundBeforeLast(plan, schedule, nowMs) : undefined
    return dueMs === undefined ? [] : [{ name, dueMs }]
  })
  const missed = due.filter(({ dueMs }) => newestMs < dueMs).map(({ name }) => name)
  return missed.length === 0 ? undefined : `has had no backup for two rounds: ${missed.join(', ')}`
}

/** The last round may be under way; what the one before it should have made is missing when it is not there. */
function roundBeforeLast(plan: Plan, schedule: string, nowMs: number): number | undefined {
  const rounds = roundsOf({ schedule }, plan.recovery.timeZone)
  const latest = rounds.latest(nowMs)
  return latest === undefined ? undefined : rounds.latest(latest - 1_000)
}
