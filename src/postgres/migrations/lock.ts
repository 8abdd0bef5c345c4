import type { Client } from 'pg'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { connect } from '../connection.ts'

/** Any number that is always the same; the lock is of this database alone. */
const lockKey = 4_732_016_577_203

/**
 * Does the work while nobody else migrates this database. The lock is held by a connection of its own, which is idle: one
 * that waited inside a statement, or sat in a transaction, would have a concurrent index wait for it for ever. So it is asked
 * for again and again instead of waited for.
 * @param held rejects once the lock is lost with its connection; to be asked before each step
 * @throws MIGRATIONS_LOCKED when another holds it longer than `timeoutMs`
 */
export async function withLock<T>(
  url: string,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal?: AbortSignal | undefined },
  work: (held: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const client = await connect(url)
  try {
    const deadline = clock.now() + timeoutMs
    while (!(await tryLock(client))) {
      if (clock.now() >= deadline) throw failure('MIGRATIONS_LOCKED', { pid: (await holder(client)) ?? 'unknown' })
      await clock.sleep(100, signal)
    }
    return await work(async () => {
      await client.query('SELECT 1')
    })
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [lockKey])
  return rows[0]?.locked === true
}

async function holder(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (classid::bigint << 32) + objid::bigint = $1`,
    [lockKey],
  )
  return rows[0]?.pid
}
