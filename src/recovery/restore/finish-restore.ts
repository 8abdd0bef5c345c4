import { resolve } from 'node:path'
import { escapeIdentifier } from 'pg'
import type { Clock } from '../../clock.ts'
import { AvalError, failure, messageOf } from '../../errors.ts'
import { serverAccount } from '../../postgres/account.ts'
import { admitEverybody } from '../../postgres/admit.ts'
import type { Binaries } from '../../postgres/binaries.ts'
import { withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import type { Access } from '../../postgres/settings.ts'
import type { ErasureRecord } from '../erasures/journal.ts'
import { repeatErasure } from '../erasures/repeat-erasure.ts'
import type { Repository } from '../repository/repository.ts'
import { hasWalAhead, supplyWal, type WalSupply } from '../wal/wal-ahead.ts'
import { clearPending, markSettled, type PendingRestore, pendingRestore } from './pending-restore.ts'
import { removeRecoverySettings } from './recovery-settings.ts'

export interface FinishRestoreOptions {
  dataDirectory: string
  binaries: Binaries
  clock: Clock
  /** SQL of the plan, run as the owner in one transaction before anybody else may use the server. */
  afterRestore: readonly string[]
  database: string
  owner: string
  /** `recovery.erasures` of the plan: what was erased since the backup is erased again with it, else as it was done then. */
  erasures?: Readonly<Record<string, { sql: readonly string[] }>>
  /** It is only looked at, and nobody is ever served from it: neither SQL of the plan nor erasures are run. */
  rehearsal?: true
  port?: number
  log?: (line: string) => void
  /** Where the rest of the WAL comes from; needed for a directory that was restored with `wal: 'meanwhile'`. */
  repository?: Repository
  /** Longest time recovery may take; a day. */
  timeoutMs?: number
}

/**
 * Starts a restored cluster, waits until it has recovered and takes writes, and runs what the plan wants run after a restore.
 * May be called again after a crash at any point: the SQL then runs unless its transaction was known to have committed, so
 * it must bear to run twice. On a directory without an unfinished restore it only starts the server.
 * @throws RESTORE_NEEDS_REPOSITORY, POSTGRES_START_FAILED, RESTORE_RECOVERY_FAILED, RESTORE_SQL_FAILED; the server is stopped then and the call can be repeated.
 */
export async function finishRestore(options: FinishRestoreOptions): Promise<OwnedServer> {
  const { binaries, clock, log, port } = options
  const dataDirectory = resolve(options.dataDirectory)
  const start = (access: Access) =>
    startServer({
      dataDirectory,
      binaries,
      clock,
      access,
      ...(port === undefined ? {} : { port }),
      ...(log === undefined ? {} : { log }),
    })
  const pending = await pendingRestore(dataDirectory)
  if (!pending) return start('everybody')
  const supply = await supplyOf(pending.wal, dataDirectory, options)
  let server: OwnedServer | undefined
  try {
    // Services of the lost server try its port without end, and one that got through before the SQL has run would answer its
    // clients as if nothing had been rewound: until then only Aval gets in.
    server = await start('superuser')
    await recover(server, options, dataDirectory, pending)
    await supply?.stop()
    await removeRecoverySettings(dataDirectory)
    await clearPending(dataDirectory, pending)
    await admitEverybody(server, clock)
    await supply?.release()
    return server
  } catch (error) {
    await supply?.stop()
    await server?.stop('immediate')
    // Postgres only knows that it was given no more WAL; the reason is what was found wrong with it.
    const found = supply?.failed()
    if (found === undefined) throw error
    throw failure('RESTORE_RECOVERY_FAILED', { directory: dataDirectory, reason: messageOf(found) }, { cause: found })
  }
}

async function supplyOf(
  wal: string,
  dataDirectory: string,
  { repository, clock }: Pick<FinishRestoreOptions, 'repository' | 'clock'>,
): Promise<WalSupply | undefined> {
  if (!(await hasWalAhead(wal))) return undefined
  if (!repository) throw failure('RESTORE_NEEDS_REPOSITORY', { directory: dataDirectory })
  return supplyWal({ repository, directory: wal, dataDirectory, account: serverAccount(), clock })
}

/** Waits until the server has recovered and runs what is to be run before anybody else may use it. */
async function recover(
  server: OwnedServer,
  options: FinishRestoreOptions,
  dataDirectory: string,
  pending: PendingRestore,
): Promise<void> {
  try {
    await server.waitUntilWritable(options.timeoutMs ?? 86_400_000)
  } catch (cause) {
    throw failure('RESTORE_RECOVERY_FAILED', { directory: dataDirectory, reason: messageOf(cause) }, { cause })
  }
  if (pending.settled || options.rehearsal) return
  await runAfterRestore(server, options, pending.erasures)
  await markSettled(dataDirectory, pending, serverAccount())
}

/**
 * Runs what the plan wants run once acknowledged writes are gone, and repeats erasures, as the owner, in one transaction.
 * @throws RESTORE_SQL_FAILED
 */
export async function runAfterRestore(
  server: OwnedServer,
  options: Pick<FinishRestoreOptions, 'afterRestore' | 'database' | 'owner' | 'erasures'>,
  erasures: readonly ErasureRecord[],
): Promise<void> {
  const { afterRestore, database, owner } = options
  if (afterRestore.length === 0 && erasures.length === 0) return
  await withClient(server.url({ database }), async (client) => {
    let running = ''
    try {
      await client.query('BEGIN')
      // A synchronous standby of the server that was lost is not there; waiting for it would be for ever.
      await client.query('SET LOCAL synchronous_commit = local')
      await client.query(`SET LOCAL ROLE ${escapeIdentifier(owner)}`)
      for (const erasure of erasures) await repeatErasure(client, erasure, options.erasures?.[erasure.name]?.sql)
      for (const sql of afterRestore) {
        running = sql
        await client.query(sql)
      }
      await client.query('COMMIT')
    } catch (cause) {
      if (cause instanceof AvalError) throw cause
      const statement = running.replace(/\s+/g, ' ').slice(0, 80)
      throw failure('RESTORE_SQL_FAILED', { statement, reason: messageOf(cause) }, { cause })
    }
  })
}
