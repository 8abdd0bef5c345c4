import { pipeline } from 'node:stream/promises'
import { isDeepStrictEqual } from 'node:util'
import { type Client, escapeIdentifier, escapeLiteral } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { z } from 'zod'
import { AvalError, failure, messageOf } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { canonicalSession, digestRows } from './canonical-rows.ts'
import { openTables } from './open-tables.ts'
import { type ForeignKey, readTables, type TableCatalog } from './table-catalog.ts'
import {
  creation,
  grants,
  policiesOf,
  policySql,
  readDefinition,
  structure,
  surroundings,
  type TableDefinition,
} from './table-definition.ts'

export interface MergeOptions {
  /** Of the copy restored beside, as somebody whom row security does not bind. */
  from: string
  /** Of the live database, as the owner of the schema; no superuser is needed. */
  into: string
  /** Schema and name, `public` unless told. */
  table: string
  /** SQL run in the same transaction once the table is back. */
  after?: readonly string[]
  signal?: AbortSignal
}

export interface MergeReport {
  table: string
  rows: number
  checksum: string
  /** Rows whose parents are gone meanwhile, kept in `<name>_unmerged`; with none there is no such table. */
  unmerged: number
  unmergedTable: string | undefined
  /** Foreign keys of other tables that refer to it and are back; those with rows that fit no more are not validated. */
  referring: readonly { table: string; key: string; unfit: number }[]
  /** What went with the table and is not back: views and functions that were made over it. */
  missing: readonly string[]
}

/**
 * Brings a dropped table back into a live database, whose later writes elsewhere stay: its definition, rows, rights, row security and the
 * foreign keys both ways, in one transaction. The definition is read again afterwards and must be what it was.
 * @throws EXTRACT_TABLE_UNKNOWN, MERGE_TABLE_THERE, MERGE_UNSUPPORTED, MERGE_REFUSED, MERGE_NOT_EQUAL
 */
export async function mergeTable(options: MergeOptions): Promise<MergeReport> {
  const { signal } = options
  return withClient(options.from, (source) =>
    withClient(options.into, async (target) => {
      await source.query(canonicalSession)
      await target.query(canonicalSession)
      await source.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      const [schema = 'public', name = ''] = options.table.includes('.')
        ? options.table.split('.', 2)
        : ['public', options.table]
      const asked = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`
      const definition = await readDefinition(source, asked)
      if (definition === undefined) throw failure('EXTRACT_TABLE_UNKNOWN', { table: options.table })
      const { sql: table } = definition
      const [what] = definition.unsupported
      if (what !== undefined) throw failure('MERGE_UNSUPPORTED', { table, what })
      if ((await readDefinition(target, table)) !== undefined) throw failure('MERGE_TABLE_THERE', { table })
      await target.query('BEGIN')
      try {
        const report = await merge(source, target, definition, options.after ?? [], signal)
        signal?.throwIfAborted()
        await target.query('COMMIT')
        return report
      } catch (error) {
        await target.query('ROLLBACK').catch(() => undefined)
        throw error
      }
    }),
  )
}

/** How long other transactions are waited for. */
const lockWaitMs = 10_000

async function merge(
  source: Client,
  target: Client,
  definition: TableDefinition,
  after: readonly string[],
  signal: AbortSignal | undefined,
): Promise<MergeReport> {
  const { sql: table } = definition
  const run = (sql: string) =>
    target.query(sql).catch((cause: unknown) => {
      // The statement is a definition; what a constraint says of values stays in the cause.
      const statement = sql.split(/\s+/).slice(0, 6).join(' ')
      throw failure('MERGE_REFUSED', { table, statement, reason: messageOf(cause) }, { cause })
    })
  await run(`SET LOCAL lock_timeout = ${lockWaitMs}`)
  for (const sql of creation(definition)) await run(sql)
  const given = definition.columns.filter(({ generated }) => generated === '').map(({ name }) => escapeIdentifier(name))
  const columns = given.join(', ')
  await pipeline(
    source.query(copyTo(`COPY (SELECT ${columns} FROM ONLY ${table}) TO STDOUT`)),
    target.query(copyFrom(`COPY ${table} (${columns}) FROM STDIN`)),
    signal === undefined ? {} : { signal },
  )
  const was = await readTables(source)
  const now = await readTables(target)
  const keys = was.foreignKeys.filter(({ child, parent }) => child.sql === table || parent.sql === table)
  const neighbours = neighboursOf(keys, table, now)
  const closing = await openTables(target, neighbours, { triggers: 'fire', waitMs: lockWaitMs })

  const own = keys.filter(({ child }) => child.sql === table)
  const { rows: named } = await target.query<{ sql: string }>(
    "SELECT format('%I.%I', $1::text, $2 || '_unmerged') AS sql",
    [definition.schema, definition.name],
  )
  const unmergedTable = named[0]?.sql ?? ''
  const unmerged = await setAside(target, own, table, unmergedTable)
  await verifyRows(source, target, definition, unmerged > 0 ? unmergedTable : undefined)
  for (const sql of structure(definition)) await run(sql)
  for (const { name } of own) {
    const text = definition.constraints.find((each) => each.name === name)?.definition ?? ''
    await run(
      `ALTER TABLE ${table} ADD CONSTRAINT ${escapeIdentifier(name)} ${text}${/ NOT VALID$/.test(text) ? '' : ' NOT VALID'}`,
    )
    if (!/ NOT VALID$/.test(text)) await run(`ALTER TABLE ${table} VALIDATE CONSTRAINT ${escapeIdentifier(name)}`)
  }
  const referring = await referAgain(source, run, target, keys, now, table)
  await advance(source, run, definition)
  for (const sql of surroundings(definition)) await run(sql)
  const fresh = await readDefinition(target, table)
  if (fresh !== undefined) for (const sql of grants(definition, fresh)) await run(sql)
  if (definition.owner !== fresh?.owner)
    await run(`ALTER TABLE ${table} OWNER TO ${escapeIdentifier(definition.owner)}`)
  const missing = await bringBackDependants(source, run, target, table)
  requireSame(definition, await readDefinition(target, table))
  const { rows, checksum } = await digestRowsOf(source, definition, table)
  await run('SET LOCAL search_path TO DEFAULT; SET LOCAL row_security = on')
  for (const sql of after) await run(sql)
  await run(`SET LOCAL search_path = ''; SET LOCAL row_security = off`)
  await target.query('SET CONSTRAINTS ALL IMMEDIATE')
  for (const sql of closing) await run(sql)
  return {
    table,
    rows: rows - unmerged,
    checksum,
    unmerged,
    unmergedTable: unmerged > 0 ? unmergedTable : undefined,
    referring,
    missing,
  }
}

function neighboursOf(keys: readonly ForeignKey[], table: string, now: TableCatalog) {
  const names = new Set(keys.flatMap(({ child, parent }) => [child.sql, parent.sql]))
  return [...now.tables.values()].filter(({ sql }) => sql !== table && names.has(sql))
}

/** Rows whose parents were deleted since the moment, and those that refer to such rows in turn. */
async function setAside(target: Client, own: readonly ForeignKey[], table: string, aside: string): Promise<number> {
  await target.query(`CREATE TABLE ${aside} (LIKE ${table})`)
  let count = 0
  for (let moved = 1; moved > 0; ) {
    moved = 0
    for (const { child, parent } of own) {
      const set = child.columns.map((name) => `t.${escapeIdentifier(name)} IS NOT NULL`).join(' AND ')
      const on = child.columns.map(
        (name, at) => `p.${escapeIdentifier(parent.columns[at] ?? name)} = t.${escapeIdentifier(name)}`,
      )
      const { rowCount } = await target.query(`WITH gone AS (
          DELETE FROM ${table} AS t WHERE ${set} AND NOT EXISTS (SELECT FROM ${parent.sql} AS p WHERE ${on.join(' AND ')})
          RETURNING *)
        INSERT INTO ${aside} SELECT * FROM gone`)
      moved += rowCount ?? 0
    }
    count += moved
  }
  if (count === 0) await target.query(`DROP TABLE ${aside}`)
  else await target.query(`ALTER TABLE ${aside} ENABLE ROW LEVEL SECURITY`)
  return count
}

function digestRowsOf(client: Client, definition: TableDefinition, from: string) {
  return digestRows(
    client,
    't',
    definition.columns.map(({ name }) => name),
    `${from} AS t`,
  )
}

async function verifyRows(
  source: Client,
  target: Client,
  definition: TableDefinition,
  aside: string | undefined,
): Promise<void> {
  const { sql: table } = definition
  const wanted = await digestRowsOf(source, definition, table)
  const both = aside === undefined ? table : `(SELECT * FROM ${table} UNION ALL SELECT * FROM ${aside})`
  const there = await digestRowsOf(target, definition, both)
  if (!isDeepStrictEqual(wanted, there)) throw failure('MERGE_NOT_EQUAL', { table, part: 'rows' })
}

/** Foreign keys of other tables, which went with the table; rows written meanwhile may fit them no more. */
async function referAgain(
  source: Client,
  run: (sql: string) => Promise<unknown>,
  target: Client,
  keys: readonly ForeignKey[],
  now: TableCatalog,
  table: string,
): Promise<MergeReport['referring']> {
  const back: { table: string; key: string; unfit: number }[] = []
  for (const { name, child, parent } of keys) {
    const there = [...now.tables.values()].some(({ sql }) => sql === child.sql)
    if (parent.sql !== table || child.sql === table || !there) continue
    const { rows } = await source.query<{ definition: string; valid: boolean }>(
      `SELECT pg_get_constraintdef(oid) AS definition, convalidated AS valid FROM pg_catalog.pg_constraint
       WHERE conrelid = ${escapeLiteral(child.sql)}::regclass AND conname = $1`,
      [name],
    )
    const text = (rows[0]?.definition ?? '').replace(/ NOT VALID$/, '')
    await run(`ALTER TABLE ${child.sql} ADD CONSTRAINT ${escapeIdentifier(name)} ${text} NOT VALID`)
    const set = child.columns.map((column) => `c.${escapeIdentifier(column)} IS NOT NULL`).join(' AND ')
    const on = child.columns.map(
      (column, at) => `p.${escapeIdentifier(parent.columns[at] ?? column)} = c.${escapeIdentifier(column)}`,
    )
    const { rows: counted } = await target.query<{ unfit: number }>(
      `SELECT count(*)::float8 AS unfit FROM ${child.sql} AS c
       WHERE ${set} AND NOT EXISTS (SELECT FROM ${table} AS p WHERE ${on.join(' AND ')})`,
    )
    const unfit = counted[0]?.unfit ?? 0
    if (unfit === 0 && rows[0]?.valid === true) {
      await run(`ALTER TABLE ${child.sql} VALIDATE CONSTRAINT ${escapeIdentifier(name)}`)
    }
    back.push({ table: child.sql, key: name, unfit })
  }
  return back
}

async function advance(
  source: Client,
  run: (sql: string) => Promise<unknown>,
  definition: TableDefinition,
): Promise<void> {
  for (const { sql } of definition.sequences) {
    const { rows } = await source.query<{ last: string; called: boolean }>(
      `SELECT last_value::text AS last, is_called AS called FROM ${sql}`,
    )
    await run(`SELECT setval(${escapeLiteral(sql)}, ${rows[0]?.last ?? '1'}, ${rows[0]?.called === true})`)
  }
}

const dependantsSchema = z.object({
  policies: z.array(
    z.object({
      name: z.string(),
      permissive: z.boolean(),
      command: z.string(),
      roles: z.array(z.string()),
      using: z.string().nullable(),
      check: z.string().nullable(),
      comment: z.string().nullable(),
      table: z.string(),
    }),
  ),
  others: z.array(z.object({ what: z.string(), name: z.string() })),
})

/** Policies of other tables that ask this one go with it when it is dropped with CASCADE, and so do views and functions. */
async function bringBackDependants(
  source: Client,
  run: (sql: string) => Promise<unknown>,
  target: Client,
  table: string,
): Promise<string[]> {
  const { rows } = await source.query(dependantsSql, [table])
  const { policies, others } = dependantsSchema.parse(rows[0])
  for (const policy of policies) {
    const { rowCount } = await target.query(
      'SELECT FROM pg_catalog.pg_policy WHERE polrelid = to_regclass($1) AND polname = $2',
      [policy.table, policy.name],
    )
    const { rowCount: there } = await target.query('SELECT FROM pg_catalog.pg_class WHERE oid = to_regclass($1)', [
      policy.table,
    ])
    if (rowCount === 0 && there === 1) await run(policySql(policy, policy.table))
  }
  const missing: string[] = []
  for (const { what, name } of others) {
    const look = what === 'function' ? 'to_regprocedure($1)' : 'to_regclass($1)'
    const { rows: found } = await target.query<{ there: boolean }>(`SELECT ${look} IS NOT NULL AS there`, [name])
    if (found[0]?.there !== true) missing.push(`${what} ${name}`)
  }
  return missing
}

const dependantsSql = `
SELECT ${policiesOf(`p.polrelid <> to_regclass($1) AND EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_policy'::regclass AND d.objid = p.oid
      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = to_regclass($1))`)} AS policies,
  coalesce((SELECT json_agg(DISTINCT jsonb_build_object('what', o.what, 'name', o.name)) FROM (
    SELECT 'view' AS what, w.ev_class::regclass::text AS name FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_rewrite w ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = to_regclass($1) AND w.ev_class <> to_regclass($1)
    UNION ALL SELECT 'function', d.objid::regprocedure::text FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
      AND d.refobjid = to_regclass($1)) o), '[]') AS others`

function requireSame(was: TableDefinition, now: TableDefinition | undefined): void {
  for (const part of ['columns', 'constraints', 'indexes', 'triggers', 'policies', 'grants', 'sequences'] as const) {
    if (!isDeepStrictEqual(was[part], now?.[part])) {
      throw failure('MERGE_NOT_EQUAL', { table: was.sql, part })
    }
  }
  if (!isDeepStrictEqual({ ...was }, { ...now })) {
    throw failure('MERGE_NOT_EQUAL', { table: was.sql, part: 'owner, options or row security' })
  }
}

/** Whether an error says that the table is still there, so that its rows alone are to be brought in. */
export function isStillThere(error: unknown): boolean {
  return error instanceof AvalError && error.code === 'MERGE_TABLE_THERE'
}
