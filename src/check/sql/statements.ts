import { parseSync } from 'libpg-query'

/*
 * SQL read by Postgres's own grammar. The caller has loaded the module of libpg-query first; every function here is pure.
 */

/** What a text of SQL is, or why Postgres would refuse it. */
export type SqlReading = { kinds: readonly string[]; writes: string | undefined } | { problem: string }

/** Statements within a query that change something although they stand in a SELECT. */
const writing: Readonly<Record<string, string>> = {
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
  IntoClause: 'SELECT INTO',
  LockingClause: 'FOR UPDATE or FOR SHARE',
}

/** Functions of Postgres that change state wherever they are called. */
const writingFunctions = new Set([
  'nextval',
  'setval',
  'set_config',
  'pg_notify',
  'pg_terminate_backend',
  'pg_cancel_backend',
  'pg_advisory_lock',
  'pg_switch_wal',
  'pg_promote',
  'lo_unlink',
  'dblink_exec',
])

/** Reads SQL. `kinds` are the node names of its statements, `writes` the first thing in it that changes anything. */
export function readSql(sql: string): SqlReading {
  try {
    const parsed = parseSync(sql)
    const kinds = (parsed.stmts ?? []).flatMap(({ stmt }) => (stmt ? Object.keys(stmt) : []))
    return { kinds, writes: writesIn(parsed.stmts) }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

/** Why the SQL is not one query that only reads; undefined when it is. */
export function notReadOnly(reading: Exclude<SqlReading, { problem: string }>): string | undefined {
  const [kind, ...others] = reading.kinds
  if (kind === undefined) return 'it holds no statement'
  if (others.length > 0) return `it holds ${reading.kinds.length} statements`
  if (kind !== 'SelectStmt') return `it is not a query (${kind.replace(/Stmt$/, '')})`
  return reading.writes === undefined ? undefined : `it changes something (${reading.writes})`
}

function writesIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, member] of Object.entries(value)) {
    // An INSERT names its target in an IntoClause of another kind; only that of a SELECT makes a table.
    const named = writing[key] ?? (key === 'intoClause' ? 'SELECT INTO' : undefined)
    if (named !== undefined) return named
    if (key === 'funcname' && Array.isArray(member)) {
      const called = lastName(member)
      if (called !== undefined && writingFunctions.has(called)) return `${called}()`
    }
    const within = writesIn(member)
    if (within !== undefined) return within
  }
  return undefined
}

function lastName(parts: readonly unknown[]): string | undefined {
  const text = JSON.stringify(parts.at(-1) ?? null)
  return /"sval":"([^"]+)"/.exec(text)?.[1]
}
