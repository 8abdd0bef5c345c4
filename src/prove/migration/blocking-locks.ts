import type { Client } from 'pg'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { Migration } from '../../postgres/migrations/migration.ts'
import type { Onlooker } from '../../postgres/migrations/run-migration.ts'
import { type Statement, summary } from '../../postgres/migrations/statement.ts'

/** A lock that a statement took on a table, by which others wait. Milliseconds since the epoch. */
export interface BlockingLock {
  /** The file as a person finds it, and the line of the statement. */
  migration: string
  line: number
  statement: string
  /** `schema.table`. */
  table: string
  /** Such as `ACCESS EXCLUSIVE`. */
  mode: string
  /** Whether readers wait as well as writers. */
  readers: boolean
  from: number
  until: number
}

/** Modes in conflict with ROW EXCLUSIVE, which every write takes. */
const modes: Readonly<Record<string, string>> = {
  ShareLock: 'SHARE',
  ShareRowExclusiveLock: 'SHARE ROW EXCLUSIVE',
  ExclusiveLock: 'EXCLUSIVE',
  AccessExclusiveLock: 'ACCESS EXCLUSIVE',
}

const pollMs = 10

/** Of sessions of the owner; a lock that is waited for counts, since whoever comes later waits behind it. */
const held = `
  SELECT l.relation::int8::text AS oid, format('%I.%I', n.nspname, c.relname) AS table, l.mode
  FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid JOIN pg_class c ON c.oid = l.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE a.usename = $1 AND a.datname = current_database() AND l.locktype = 'relation' AND l.database = a.datid
    AND c.relkind IN ('r', 'p', 'm') AND l.mode = ANY($2)`

const lockRows = z.array(z.object({ oid: z.string(), table: z.string(), mode: z.string() }))

export interface LockWatch extends Onlooker {
  /** Every lock so far that writers of the tables would have waited for, the longest first. */
  locks(): BlockingLock[]
  stop(): Promise<void>
}

/**
 * Looks at the locks of whoever migrates: after each statement of a transaction, and every few milliseconds while one runs. A lock counts
 * from the beginning of the statement that took it until its transaction has ended.
 * @param client of a superuser on the database, for this watch alone
 * @param tables oids of the tables that others use; locks of others block nobody
 */
export function watchLocks(options: {
  client: Client
  owner: string
  tables: ReadonlySet<string>
  clock: Clock
}): LockWatch {
  const { client, owner, tables, clock } = options
  const ended: BlockingLock[] = []
  const open = new Map<string, BlockingLock>()
  let current: { migration: Migration; statement: Statement; at: number } | undefined
  const look = async () => {
    const by = current
    if (by === undefined) return
    const { rows } = await client.query(held, [owner, Object.keys(modes)])
    // What was asked while one statement ran may be answered when its locks are gone.
    if (current !== by) return
    for (const { oid, table, mode } of lockRows.parse(rows)) {
      const key = `${oid} ${mode}`
      if (!tables.has(oid) || open.has(key)) continue
      open.set(key, {
        migration: by.migration.name,
        line: by.statement.line,
        statement: summary(by.statement.text),
        table,
        mode: modes[mode] ?? mode,
        readers: mode === 'AccessExclusiveLock',
        from: by.at,
        until: by.at,
      })
    }
  }
  const stopping = new AbortController()
  const polling = (async () => {
    while (!stopping.signal.aborted) {
      await look()
      await clock.sleep(pollMs, stopping.signal).catch(() => undefined)
    }
  })()
  return {
    begins: (migration, statement) => {
      current = { migration, statement, at: clock.now() }
    },
    ended: look,
    released: () => {
      current = undefined
      for (const lock of open.values()) ended.push({ ...lock, until: clock.now() })
      open.clear()
    },
    locks: () => ended.toSorted((a, b) => b.until - b.from - (a.until - a.from)),
    stop: async () => {
      stopping.abort()
      await polling
    },
  }
}
