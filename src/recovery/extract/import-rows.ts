import { pipeline } from 'node:stream/promises'
import { type Client, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { failure, messageOf } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { canonicalSession, digestRows, givenColumns, rowText } from './canonical-rows.ts'
import { type ExtractedTable, type Extraction, ownSequences } from './extract-rows.ts'
import { openTables } from './open-tables.ts'
import { readTables, type Table, type TableCatalog } from './table-catalog.ts'

/** What becomes of a row of the backup whose key stands in the target with other values. */
export type OnConflict =
  /** Nothing is brought in at all. */
  | { kind: 'fail' }
  /** The row of the target stays. */
  | { kind: 'keep-target' }
  /** The row of the backup replaces it. */
  | { kind: 'take-backup' }
  /** Whichever has the higher value in this column stays; in tables without it that of the target. */
  | { kind: 'newer'; column: string }

export interface ImportOptions {
  /** Of the database the rows go to, as the owner of the schema; no superuser is needed. */
  url: string
  onConflict?: OnConflict
  /** `fire` leaves the application's triggers as they are; `off` keeps them still until the rows are in. */
  triggers?: 'fire' | 'off'
  /** SQL run in the same transaction, with the subject's value as $1. */
  before?: readonly string[]
  after?: readonly string[]
  /** Setting that row security reads the claims of a token from; it names the subject while rows come in. */
  claims?: string
  /** How long other transactions are waited for, in milliseconds; 10 000 unless told. */
  lockTimeoutMs?: number
  signal?: AbortSignal
}

export interface ImportedTable {
  table: string
  /** Rows of the extraction, without those of somebody else. */
  rows: number
  inserted: number
  replaced: number
  /** Already there just so. */
  same: number
  /** Of the target, which stayed. */
  kept: number
  /** Of the rows that are now as in the backup: equal in the backup and in the target, or nothing was brought in. */
  checksum: string
  /** Triggers of the application that were met, `name (insert or update)`. */
  triggers: readonly string[]
}

export interface ImportReport {
  tables: readonly ImportedTable[]
}

interface Job {
  source: ExtractedTable
  target: Table
  /** Temporary table that holds the rows as they came. */
  stage: string
}

/**
 * Brings extracted rows into a database, in one transaction: all of it or nothing. The tables take no other writes meanwhile. Counts and
 * checksums are compared with the source before it is committed.
 * @throws IMPORT_TABLE_DIFFERS, IMPORT_NOT_OWNER, IMPORT_CONFLICT, IMPORT_PARENT_GONE, IMPORT_REFUSED, IMPORT_SQL_FAILED, IMPORT_BUSY, IMPORT_NOT_EQUAL
 */
export async function importRows(extraction: Extraction, options: ImportOptions): Promise<ImportReport> {
  return withClient(options.url, async (client) => {
    await client.query(canonicalSession)
    await client.query('BEGIN')
    try {
      const report = await bringIn(client, extraction, options)
      options.signal?.throwIfAborted()
      await client.query('COMMIT')
      return report
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined)
      throw readable(error)
    }
  })
}

async function bringIn(client: Client, extraction: Extraction, options: ImportOptions): Promise<ImportReport> {
  const { onConflict = { kind: 'fail' }, triggers = 'fire', before = [], after = [] } = options
  const waitMs = options.lockTimeoutMs ?? 10_000
  await client.query(`SET LOCAL lock_timeout = ${Math.ceil(waitMs)}`)
  const catalog = await readTables(client)
  const jobs = extraction.tables.map((source) => prepare(catalog, source))
  const value = extraction.selection.kind === 'subject' ? [extraction.selection.subject.value] : []
  if (options.claims !== undefined && value[0] !== undefined) {
    await client.query('SELECT set_config($1, $2, true)', [options.claims, JSON.stringify({ sub: value[0] })])
  }
  // Before anything is locked: this is what takes long.
  for (const job of jobs) await fetchRows(client, extraction, job)

  const named = extraction.reachable.flatMap((table) => sameTable(catalog, table) ?? [])
  const opened = await openTables(client, named, { triggers, waitMs })
  await runPlanned(client, before, value)
  const loosened = await loosenKeys(client, extraction)
  const tables: ImportedTable[] = []
  for (const job of jobs) await decide(client, job, onConflict)
  await refuseConflicts(client, jobs, onConflict)
  for (const job of jobs) {
    options.signal?.throwIfAborted()
    tables.push(await asEveryDay(client, () => write(client, job, onConflict)))
  }
  await asEveryDay(client, () => client.query('SET CONSTRAINTS ALL IMMEDIATE'))
  for (const sql of loosened) await client.query(sql)
  for (const [at, job] of jobs.entries()) {
    const imported = tables[at]
    if (imported) tables[at] = { ...imported, checksum: await verify(client, job) }
  }
  await runPlanned(client, after, value)
  // What those left for the commit would hold up the statements below.
  await client.query('SET CONSTRAINTS ALL IMMEDIATE')
  // Sequences know no transaction, but only ever move forward here.
  for (const { target } of jobs) await advanceSequences(client, target)
  for (const sql of opened) await client.query(sql)
  return { tables }
}

/**
 * Lets triggers, checks and the plan's SQL find names and rows as they do every day: by the search path of the role, and with row security
 * wherever it was not taken off for this transaction.
 */
async function asEveryDay<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('SET LOCAL search_path TO DEFAULT; SET LOCAL row_security = on')
  const result = await work()
  await client.query(`SET LOCAL search_path = ''; SET LOCAL row_security = off`)
  return result
}

async function runPlanned(client: Client, statements: readonly string[], value: string[]): Promise<void> {
  await asEveryDay(client, async () => {
    for (const sql of statements) {
      await client.query(sql, sql.includes('$1') ? value : []).catch((cause: unknown) => {
        throw failure('IMPORT_SQL_FAILED', { statement: sql, reason: messageOf(cause) }, { cause })
      })
    }
  })
}

function sameTable(catalog: TableCatalog, table: Table): Table | undefined {
  return [...catalog.tables.values()].find(({ sql }) => sql === table.sql)
}

function prepare(catalog: TableCatalog, source: ExtractedTable): Job {
  const target = sameTable(catalog, source.table)
  if (target === undefined) {
    throw failure('IMPORT_TABLE_DIFFERS', { table: source.table.sql, problem: 'it is not in the target' })
  }
  for (const column of source.table.columns) {
    const there = target.columns.find(({ name }) => name === column.name)
    const problem =
      there === undefined
        ? `the target has no column ${column.name}`
        : there.type !== column.type
          ? `${column.name} is ${column.type} in the backup and ${there.type} in the target`
          : there.generated !== column.generated
            ? `${column.name} is computed in one of them only`
            : undefined
    if (problem !== undefined) throw failure('IMPORT_TABLE_DIFFERS', { table: target.sql, problem })
  }
  const missing = target.columns.find(
    ({ name, required }) => required && !source.table.columns.some((column) => column.name === name),
  )
  if (missing) {
    const problem = `the target wants ${missing.name}, which the backup does not have`
    throw failure('IMPORT_TABLE_DIFFERS', { table: target.sql, problem })
  }
  return { source, target, stage: `pg_temp.aval_stage_${target.oid}` }
}

/** The rows as they came, with what becomes of each in `fate`; names with a colon, which no column is likely to have. */
async function fetchRows(client: Client, extraction: Extraction, { source, target, stage }: Job): Promise<void> {
  const columns = source.table.columns.map(({ name, type }) => `${escapeIdentifier(name)} ${type}`)
  await client.query(`CREATE TEMPORARY TABLE aval_stage_${target.oid}
    ("aval:belongs" text, "aval:fate" text, ${columns.join(', ')}) ON COMMIT DROP`)
  const given = givenColumns(source.table).map(escapeIdentifier)
  await pipeline(
    extraction.read(source.table),
    client.query(copyFrom(`COPY ${stage} ("aval:belongs", ${given.join(', ')}) FROM STDIN`)),
  )
  await client.query(`ANALYZE ${stage}`)
  const names = givenColumns(source.table)
  if (names.length < source.table.columns.length) return
  const arrived = await digestRows(client, 's', names, `${stage} AS s`)
  if (arrived.rows !== source.rows || arrived.checksum !== source.checksum) {
    throw failure('IMPORT_NOT_EQUAL', { table: target.sql, problem: 'the rows changed on their way' })
  }
}

/** Keys that no order of the tables satisfies wait for the end of the transaction, also those declared otherwise. */
async function loosenKeys(client: Client, { cyclic }: Extraction): Promise<string[]> {
  const back: string[] = []
  for (const { name, child, deferrable } of cyclic) {
    if (deferrable) continue
    const alter = `ALTER TABLE ${child.sql} ALTER CONSTRAINT ${escapeIdentifier(name)}`
    await client.query(`${alter} DEFERRABLE INITIALLY DEFERRED`)
    back.push(`${alter} NOT DEFERRABLE`)
  }
  await client.query('SET CONSTRAINTS ALL DEFERRED')
  return back
}

function match(keys: readonly string[]): string {
  return keys.map((name) => `t.${escapeIdentifier(name)} = s.${escapeIdentifier(name)}`).join(' AND ')
}

function plain({ target }: Job): string {
  return target.partitioned ? target.sql : `ONLY ${target.sql}`
}

/** Notes for each row what becomes of it, before any is written. */
async function decide(client: Client, job: Job, onConflict: OnConflict): Promise<void> {
  const { source, target, stage } = job
  const names = givenColumns(source.table)
  const equal = `${rowText('s', names)} = ${rowText('t', names)}`
  if (target.key.length === 0) {
    // Rows that nothing tells apart: as many of the same as the backup had.
    await client.query(`UPDATE ${stage} AS s SET "aval:fate" = CASE
        WHEN n.place <= (SELECT count(*) FROM ${plain(job)} AS t WHERE ${rowText('t', names)} = n.text) THEN 'same'
        WHEN s."aval:belongs" = 'other' THEN 'gone' ELSE 'insert' END
      FROM (SELECT s.ctid AS at, ${rowText('s', names)} AS text,
          row_number() OVER (PARTITION BY ${rowText('s', names)}) AS place FROM ${stage} AS s) AS n
      WHERE s.ctid = n.at`)
    return
  }
  const newer =
    onConflict.kind === 'newer' && source.table.columns.some(({ name }) => name === onConflict.column)
      ? `CASE WHEN s.${escapeIdentifier(onConflict.column)} > t.${escapeIdentifier(onConflict.column)} THEN 'replace' ELSE 'kept' END`
      : `'kept'`
  const fate = { fail: `'conflict'`, 'keep-target': `'kept'`, 'take-backup': `'replace'`, newer }[onConflict.kind]
  await client.query(`UPDATE ${stage} AS s SET "aval:fate" =
      CASE WHEN ${equal} THEN 'same' WHEN s."aval:belongs" <> 'own' THEN 'kept' ELSE ${fate} END
    FROM ${plain(job)} AS t WHERE ${match(target.key)}`)
  await client.query(`UPDATE ${stage} SET "aval:fate" = CASE WHEN "aval:belongs" = 'other' THEN 'gone' ELSE 'insert' END
    WHERE "aval:fate" IS NULL`)
}

async function refuseConflicts(client: Client, jobs: readonly Job[], onConflict: OnConflict): Promise<void> {
  const told = async (fate: string) => {
    const found: string[] = []
    for (const { target, stage } of jobs) {
      const { rows } = await client.query<{ rows: number }>(
        `SELECT count(*)::float8 AS rows FROM ${stage} WHERE "aval:fate" = $1`,
        [fate],
      )
      if ((rows[0]?.rows ?? 0) > 0) found.push(`${target.sql} (${rows[0]?.rows})`)
    }
    return found.join(', ')
  }
  const gone = await told('gone')
  if (gone !== '') throw failure('IMPORT_PARENT_GONE', { tables: gone })
  const conflicts = onConflict.kind === 'fail' ? await told('conflict') : ''
  if (conflicts !== '') throw failure('IMPORT_CONFLICT', { tables: conflicts })
}

async function write(client: Client, job: Job, onConflict: OnConflict): Promise<ImportedTable> {
  const { source, target, stage } = job
  const given = givenColumns(source.table)
  const list = given.map(escapeIdentifier).join(', ')
  const always = target.columns.filter(({ identity }) => identity === 'always').map(({ name }) => name)
  const changed = given.filter((name) => !target.key.includes(name) && !always.includes(name))
  if (changed.length > 0 && target.key.length > 0) {
    const set = changed.map((name) => `${escapeIdentifier(name)} = s.${escapeIdentifier(name)}`).join(', ')
    await client.query(
      `UPDATE ${plain(job)} AS t SET ${set} FROM ${stage} AS s WHERE s."aval:fate" = 'replace' AND ${match(target.key)}`,
    )
  }
  // Another unique value of the target may be in the way; where the target is to be kept, it stays.
  const aside = onConflict.kind === 'keep-target' || onConflict.kind === 'newer' ? ' ON CONFLICT DO NOTHING' : ''
  await client.query(`INSERT INTO ${target.sql} (${list}) OVERRIDING SYSTEM VALUE
    SELECT ${list} FROM ${stage} WHERE "aval:fate" = 'insert'${aside}`)
  if (aside !== '' && target.key.length > 0) {
    await client.query(`UPDATE ${stage} AS s SET "aval:fate" = 'kept' WHERE s."aval:fate" = 'insert'
      AND NOT EXISTS (SELECT FROM ${plain(job)} AS t WHERE ${match(target.key)})`)
  }
  const { rows } = await client.query<{ fate: string; rows: number }>(
    `SELECT "aval:fate" AS fate, count(*)::float8 AS rows FROM ${stage} WHERE "aval:belongs" <> 'other' GROUP BY 1`,
  )
  const of = (fate: string) => rows.find((row) => row.fate === fate)?.rows ?? 0
  return {
    table: target.sql,
    rows: rows.reduce((sum, row) => sum + row.rows, 0),
    inserted: of('insert'),
    replaced: of('replace'),
    same: of('same'),
    kept: of('kept'),
    checksum: '',
    triggers: target.triggers.map(({ name, event }) => `${name} (${event})`),
  }
}

/** Holds what the target has now against what came; what was kept is not compared. */
async function verify(client: Client, job: Job): Promise<string> {
  const { source, target, stage } = job
  const names = givenColumns(source.table)
  const fates = `s."aval:fate" IN ('insert', 'replace', 'same')`
  const wanted = await digestRows(client, 's', names, `${stage} AS s WHERE ${fates}`)
  if (target.key.length > 0) {
    const there = await digestRows(
      client,
      't',
      names,
      `${plain(job)} AS t JOIN ${stage} AS s ON ${match(target.key)} WHERE ${fates}`,
    )
    if (there.rows === wanted.rows && there.checksum === wanted.checksum) return wanted.checksum
  } else {
    const { rows } = await client.query<{ short: number }>(`SELECT count(*)::float8 AS short FROM (
      SELECT ${rowText('s', names)} AS text, count(*) AS wanted FROM ${stage} AS s WHERE ${fates} GROUP BY 1) AS w
      WHERE w.wanted > (SELECT count(*) FROM ${plain(job)} AS t WHERE ${rowText('t', names)} = w.text)`)
    if (rows[0]?.short === 0) return wanted.checksum
  }
  const names_ = target.triggers.map(({ name }) => name)
  throw failure('IMPORT_NOT_EQUAL', {
    table: target.sql,
    problem: names_.length === 0 ? 'the target holds other values' : `the trigger ${names_.join(' or ')} changed them`,
  })
}

/** Numbers given out later must not be those that came in. */
async function advanceSequences(client: Client, table: Table): Promise<void> {
  for (const { column, sequence } of await ownSequences(client, table)) {
    const name = escapeLiteral(sequence)
    await client.query(`
      SELECT setval(${name}::regclass, e.highest) FROM (
        SELECT CASE WHEN s.seqincrement > 0 THEN max(t.${escapeIdentifier(column)}) ELSE min(t.${escapeIdentifier(column)}) END
          ::bigint AS highest, s.seqincrement, s.seqmin, s.seqmax
        FROM ${table.sql} AS t, pg_catalog.pg_sequence AS s WHERE s.seqrelid = ${name}::regclass
        GROUP BY s.seqincrement, s.seqmin, s.seqmax
      ) AS e, ${sequence} AS q
      WHERE e.highest BETWEEN e.seqmin AND e.seqmax AND CASE
        WHEN e.seqincrement > 0 THEN e.highest > q.last_value OR (e.highest = q.last_value AND NOT q.is_called)
        ELSE e.highest < q.last_value OR (e.highest = q.last_value AND NOT q.is_called) END`)
  }
}

/** The server's own words may hold values of the rows; only names are passed on. */
function readable(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error
  const table = error.table === undefined ? 'a table' : `${error.schema ?? 'public'}.${error.table}`
  if (error.code === '55P03') return failure('IMPORT_BUSY', {}, { cause: error })
  const problem = error.constraint === undefined ? `error ${error.code ?? 'unknown'}` : `constraint ${error.constraint}`
  return failure('IMPORT_REFUSED', { table, problem }, { cause: error })
}
