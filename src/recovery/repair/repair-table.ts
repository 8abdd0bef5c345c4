import { pipeline } from 'node:stream/promises'
import { type Client, escapeIdentifier, escapeLiteral } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { z } from 'zod'
import { failure } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { canonicalSession, digestRows } from '../extract/canonical-rows.ts'
import { parseLsn } from '../wal/lsn.ts'

export interface RepairOptions {
  /** Of the database with the damaged table, as the superuser of the server or the owner of the table. */
  url: string
  /** Schema and name, quoted where they need it. */
  table: string
  /**
   * A connection, as the superuser, to a copy of the database that holds everything up to a position of the WAL. Called once nobody can write
   * to the table any more; whoever gives it ends it.
   */
  copyAt(lsn: bigint): Promise<string>
  signal?: AbortSignal
}

export interface RepairReport {
  table: string
  rows: number
  /** Equal in the copy and in the repaired table. */
  checksum: string
}

const shape = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string(), generated: z.boolean() })),
  partition: z.boolean(),
  triggers: z.array(z.object({ name: z.string(), enabled: z.string() })),
  referring: z.array(
    z.object({ table: z.string(), name: z.string(), definition: z.string(), comment: z.string().nullable() }),
  ),
  inherited: z.boolean(),
})

/**
 * Replaces the content of a damaged table by that of a restored copy, without reading a page of it: one transaction locks the table against
 * everybody, waits for a copy that holds every commit until then, and fills new files from it. The damaged ones go with its commit; a
 * transaction that breaks off leaves all as it was. Nothing is passed over and no page is zeroed.
 * @throws REPAIR_UNSUPPORTED, REPAIR_NOT_EQUAL, errors of the server
 */
export async function repairTableFromBackup(options: RepairOptions): Promise<RepairReport> {
  const { table, signal } = options
  return withClient(options.url, async (client) => {
    await client.query(canonicalSession)
    await client.query('BEGIN')
    try {
      await client.query(`SET LOCAL lock_timeout = '30s'`)
      await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
      const here = await shapeOf(client, table)
      const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
      const report = await refill(client, table, here, await options.copyAt(parseLsn(rows[0]?.lsn ?? '')), signal)
      await client.query('COMMIT')
      return report
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined)
      throw error
    }
  })
}

async function refill(
  client: Client,
  table: string,
  here: z.infer<typeof shape>,
  copyUrl: string,
  signal: AbortSignal | undefined,
): Promise<RepairReport> {
  if (here.inherited)
    throw failure('REPAIR_UNSUPPORTED', { table, what: 'foreign keys of a whole partitioned table refer to it' })
  for (const { name } of here.triggers)
    await client.query(`ALTER TABLE ${table} DISABLE TRIGGER ${escapeIdentifier(name)}`)
  for (const key of here.referring) {
    await client.query(`ALTER TABLE ${key.table} DROP CONSTRAINT ${escapeIdentifier(key.name)}`)
  }
  await client.query(`TRUNCATE ONLY ${table}`)
  const all = here.columns.map(({ name }) => name)
  const given = here.columns
    .filter(({ generated }) => !generated)
    .map(({ name }) => escapeIdentifier(name))
    .join(', ')
  const wanted = await withClient(copyUrl, async (copy) => {
    await copy.query(canonicalSession)
    await copy.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const there = await shapeOf(copy, table)
    if (JSON.stringify(there.columns) !== JSON.stringify(here.columns)) {
      throw failure('REPAIR_UNSUPPORTED', { table, what: 'its columns are others in the copy' })
    }
    const source = copy.query(copyTo(`COPY (SELECT ${given} FROM ONLY ${table}) TO STDOUT`))
    const target = client.query(copyFrom(`COPY ${table} (${given}) FROM STDIN`))
    await pipeline(source, target, signal === undefined ? {} : { signal })
    return digestRows(copy, 't', all, `ONLY ${table} AS t`)
  })
  const now = await digestRows(client, 't', all, `ONLY ${table} AS t`)
  if (now.rows !== wanted.rows || now.checksum !== wanted.checksum) throw failure('REPAIR_NOT_EQUAL', { table })
  // Checked against every row as they are added.
  for (const key of here.referring) {
    await client.query(`ALTER TABLE ${key.table} ADD CONSTRAINT ${escapeIdentifier(key.name)} ${key.definition}`)
    if (key.comment === null) continue
    await client.query(
      `COMMENT ON CONSTRAINT ${escapeIdentifier(key.name)} ON ${key.table} IS ${escapeLiteral(key.comment)}`,
    )
  }
  for (const { name, enabled } of here.triggers) {
    const how = { O: 'ENABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' }[enabled] ?? 'DISABLE'
    await client.query(`ALTER TABLE ${table} ${how} TRIGGER ${escapeIdentifier(name)}`)
  }
  return { table, ...now }
}

async function shapeOf(client: Client, table: string): Promise<z.infer<typeof shape>> {
  const { rows } = await client.query(shapeSql, [table])
  if (rows[0] === undefined) throw failure('REPAIR_UNSUPPORTED', { table, what: 'the copy does not have it' })
  return shape.parse(rows[0])
}

const shapeSql = `
SELECT (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'generated', a.attgenerated <> '') ORDER BY a.attname)
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  c.relispartition AS partition,
  coalesce((SELECT json_agg(json_build_object('name', t.tgname, 'enabled', t.tgenabled) ORDER BY t.tgname)
    FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal), '[]') AS triggers,
  coalesce((SELECT json_agg(json_build_object('table', k.conrelid::regclass::text, 'name', k.conname,
      'definition', pg_get_constraintdef(k.oid), 'comment', obj_description(k.oid, 'pg_constraint')) ORDER BY k.conname)
    FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conparentid = 0 AND k.conrelid <> c.oid), '[]') AS referring,
  EXISTS (SELECT FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conparentid <> 0) AS inherited
FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1) AND c.relkind = 'r'`
