import { type Client, DatabaseError, escapeIdentifier } from 'pg'
import { withClient } from '../../../postgres/connection.ts'
import type { Beginning, Strike } from '../run.ts'
import { writeElsewhere } from './elsewhere.ts'

/** How often the harm is tried against clients at work. */
const deadlocks = 20

/** A table is dropped with everything that hangs on it, while clients go on and others write elsewhere. */
export const dropTable: Strike = async (run) => {
  const { session, site } = run
  const table = await largestTable(run)
  const elsewhere = await writeElsewhere(run)
  const moment = await harm(run, (client) => client.query(`DROP TABLE ${table} CASCADE`))
  await keepMoment(run)
  return {
    at: session.clock.now(),
    what: `the table ${table} was dropped`,
    table,
    moment,
    check: async () => {
      const { acknowledged, there } = await elsewhere.compare()
      const lost = acknowledged - there
      return [
        ...(lost > 0
          ? [`${lost} of ${acknowledged} writes to another table are gone that were acknowledged meanwhile`]
          : []),
        ...(acknowledged === 0 ? ['Nothing could be written elsewhere while the table was away'] : []),
      ]
    },
    tidy: async () => {
      await elsewhere.tidy()
      site.announce()
    },
  }
}

/** Every row of one tenant is deleted, in whatever table, while everybody else goes on. */
export const deleteTenant: Strike = async (run) => {
  const { session, site } = run
  const { tenant, column } = run.made.tenant ?? {}
  if (tenant === undefined || column === undefined)
    throw new Error('the exercise does not tell whose the rows of an actor are, or the plan names no tenant column')
  const root = await rootTable(run, column)
  const moment = await harm(run, (client) => deleteRows(client, root, column, tenant))
  await keepMoment(run)
  const left = await withClient(adminUrl(run), (client) =>
    client.query(`SELECT 1 FROM ${root.table} WHERE ${escapeIdentifier(root.key)} = $1`, [tenant]),
  )
  if (left.rowCount !== 0) throw new Error('the rows that were to be deleted are still there')
  site.announce()
  return {
    at: session.clock.now(),
    what: `the rows of one tenant in ${root.table} and what hangs on them were deleted`,
    table: root.table,
    key: root.key,
    moment,
  }
}

function adminUrl({ site }: Pick<Beginning, 'site'>): string {
  return site.environment.server.url({ database: site.environment.database.name })
}

/**
 * Does the harm in one transaction and finds the moment before it: while the statement holds its locks nothing else touches the rows, so
 * that a moment within the transaction has everything written before and nothing of it.
 */
async function harm(run: Beginning, work: (client: Client) => Promise<unknown>): Promise<number> {
  const { clock } = run.session
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(adminUrl(run), async (client) => {
        await client.query('BEGIN')
        await work(client)
        await clock.sleep(20)
        const moment = clock.now()
        await clock.sleep(20)
        await client.query('COMMIT')
        return moment
      })
    } catch (error) {
      // Under load it meets clients that hold what it wants and want what it holds; one of the two is told to try again.
      if (attempt === deadlocks || !(error instanceof DatabaseError && error.code === '40P01')) throw error
    }
  }
}

/** Only once a heartbeat lies behind a moment can it be restored to. */
async function keepMoment({ site }: Beginning): Promise<void> {
  const archive = await site.archive()
  await archive.waitUntilStored((await archive.heartbeat()).lsn, 60_000)
}

/** The table of the schema public that takes most room. */
export async function largestTable(run: Beginning): Promise<string> {
  return withClient(adminUrl(run), async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY pg_total_relation_size(c.oid) DESC, 1 LIMIT 1`,
    )
    const name = rows[0]?.name
    if (name === undefined) throw new Error('the schema public has no table')
    return name
  })
}

/** Where keys cascade, one statement deletes all; where they do not, every table that names the tenant loses its rows first. */
async function deleteRows(client: Client, root: Root, column: string, tenant: string): Promise<void> {
  const deletion = `DELETE FROM ${root.table} WHERE ${escapeIdentifier(root.key)} = $1`
  await client.query('SAVEPOINT cascade')
  try {
    await client.query(deletion, [tenant])
    return
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === '23503')) throw error
    await client.query('ROLLBACK TO cascade')
  }
  const { rows } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $1 AND NOT a.attisdropped
     WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
    [column],
  )
  // Whoever does such harm by hand does it in the order of the keys; here no key is asked.
  await client.query('SET LOCAL session_replication_role = replica')
  for (const { name } of rows)
    if (name !== root.table) await client.query(`DELETE FROM ${name} WHERE ${escapeIdentifier(column)} = $1`, [tenant])
  await client.query('SET LOCAL session_replication_role = origin')
  await client.query(deletion, [tenant])
}

interface Root {
  table: string
  key: string
}

/** The table that a tenant is a row of: its primary key is the tenant column, or it is called as that is without its `id`. */
async function rootTable(run: Beginning, column: string): Promise<Root> {
  return withClient(adminUrl(run), async (client) => {
    const { rows } = await client.query<Root>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS table, a.attname AS key
       FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
       WHERE i.indisprimary AND i.indnkeyatts = 1 AND n.nspname = 'public' AND (a.attname = $1 OR c.relname = $2)
       ORDER BY (SELECT count(*) FROM pg_constraint f WHERE f.confrelid = c.oid) DESC LIMIT 1`,
      [column, `${column.replace(/(_id|Id)$/, '')}s`],
    )
    const [root] = rows
    if (root === undefined) throw new Error(`no table has ${column} as its primary key`)
    return root
  })
}
