import type { Client } from 'pg'
import { type Clock, systemClock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { withClient } from '../connection.ts'
import { obstaclesOf, refuseObstacles } from './drift.ts'
import { withLock } from './lock.ts'
import type { Migration } from './migration.ts'
import { ensureTable, type MigrationRecord, readRecords } from './record.ts'
import { type Onlooker, type Pending, runMigration } from './run-migration.ts'
import { statementsOf } from './statement.ts'
import { compare } from './status.ts'

export interface ApplyOptions {
  clock?: Clock
  /** What becomes of a pending migration that should have come before an applied one; refused unless told. */
  outOfOrder?: 'refuse' | 'apply'
  /** How long to wait for another who migrates the same database; 60 000 ms unless told. */
  lockTimeoutMs?: number
  /** Called under the lock before the first change, when there is any; what it throws stops everything. */
  beforeFirst?: (migrations: readonly Migration[]) => Promise<void>
  onApplied?: (applied: AppliedMigration) => void
  /** Looks on while statements run. */
  onlooker?: Onlooker
  /** Stops between two steps; what is done stays done and the next call goes on. */
  signal?: AbortSignal
}

export interface AppliedMigration {
  id: string
  name: string
  statements: number
  /** Whether an earlier attempt had begun it. */
  resumed: boolean
  tookMs: number
}

/**
 * Applies what is pending, in order, and goes on where an earlier attempt stopped.
 * @param url of the database, as the owner of its migrations, who is no superuser
 * @throws MIGRATIONS_REFUSED before anything changes when folder and database disagree; MIGRATION_SYNTAX likewise;
 * MIGRATION_FAILED when a statement fails; MIGRATIONS_LOCKED, MIGRATION_SUPERUSER
 */
export function applyMigrations(
  url: string,
  migrations: readonly Migration[],
  options: ApplyOptions = {},
): Promise<AppliedMigration[]> {
  const { clock = systemClock, outOfOrder = 'refuse', lockTimeoutMs = 60_000, signal } = options
  return withLock(url, { clock, timeoutMs: lockTimeoutMs, signal }, async (held) => {
    const plan = await withClient(url, async (client) => {
      await refuseSuperuser(client)
      return pendingOf(migrations, await readRecords(client), outOfOrder)
    })
    if (plan.length === 0) return []
    await options.beforeFirst?.(plan.map(({ migration }) => migration))
    await withClient(url, ensureTable)
    const applied: AppliedMigration[] = []
    for (const each of plan) {
      const started = clock.now()
      // A session each, so that what one migration sets (role, search path) is not the next one's surprise.
      await runMigration(url, each, { clock, held, signal, onlooker: options.onlooker })
      const result = {
        id: each.migration.id,
        name: each.migration.name,
        statements: each.statements.length,
        resumed: each.record !== undefined,
        tookMs: clock.now() - started,
      }
      applied.push(result)
      options.onApplied?.(result)
    }
    return applied
  })
}

/** Everything is compared and parsed before anything runs: a folder that cannot go through whole is not begun. */
async function pendingOf(
  migrations: readonly Migration[],
  records: ReadonlyMap<string, MigrationRecord>,
  outOfOrder: 'refuse' | 'apply',
): Promise<Pending[]> {
  const states = await compare(migrations, records)
  refuseObstacles(obstaclesOf(states, { outOfOrder }), migrations)
  const pending: Pending[] = []
  for (const each of states) {
    if (each.state !== 'pending' && each.state !== 'interrupted' && each.state !== 'out-of-order') continue
    const { migration } = each
    const record = each.state === 'interrupted' ? each.record : undefined
    pending.push({ migration, record, statements: await statementsOf(migration.sql, migration.file) })
  }
  return pending
}

async function refuseSuperuser(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string; rolsuper: boolean }>(
    'SELECT rolname AS name, rolsuper FROM pg_roles WHERE rolname = current_user',
  )
  if (rows[0]?.rolsuper === true) throw failure('MIGRATION_SUPERUSER', { role: rows[0].name })
}
