import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../../errors.ts'
import { withClient } from '../../../postgres/connection.ts'
import { ownFolder } from '../operator.ts'
import type { Strike } from '../run.ts'

/** Sorts behind every migration of the system, in each layout that orders by name. */
const version = '99991231235959'
const table = 'aval_half_applied'

/**
 * A migration in parts, of which the second meets data that the first did not expect: the first stays, an index is left half built,
 * the rest was never tried.
 */
const statements = [
  `CREATE TABLE ${table} (id integer PRIMARY KEY, kind text NOT NULL);`,
  `INSERT INTO ${table} VALUES (1, 'same'), (2, 'same');`,
  `CREATE UNIQUE INDEX CONCURRENTLY ${table}_kind ON ${table} (kind);`,
  `ALTER TABLE ${table} ADD COLUMN finished boolean NOT NULL DEFAULT true;`,
]

/** What a person corrects before the migration goes on: the row that stands in its way. */
export const mendStatement = `DELETE FROM ${table} WHERE id = 2`

/** A release brings a migration that stops half way, while the services of the release before go on. */
export const breakMigration: Strike = async ({ session, site }) => {
  const { system, clock } = session
  const { operator, environment } = site
  const plan = system.plan.database
  if (plan === undefined) throw new Error('the plan has no database')
  const { directory, layout } = plan.migrations
  const folder = await ownFolder(operator, directory)
  const own = await addMigration(folder, layout)
  const failed = await operator.aval(`aval migrate up ${system.name}`).then(() => undefined, messageOf)
  if (failed === undefined) throw new Error('the migration that was to fail did not')
  const url = environment.server.url({ database: environment.database.name })
  return {
    at: clock.now(),
    what: 'a migration of four statements stopped at the third; two stay',
    check: () => whatIsMissing(url),
    tidy: async () => {
      await rm(own, { recursive: true })
      await withClient(url, async (client) => {
        await client.query(`DROP TABLE IF EXISTS ${table}`)
        await client.query('DELETE FROM aval.migrations WHERE name LIKE $1', [`%${table}%`])
      })
    },
  }
}

/** @returns the file or folder that was added. */
async function addMigration(folder: string, layout: string): Promise<string> {
  const text = `${statements.join('\n')}\n`
  const own = join(folder, layout === 'supabase' ? `${version}_${table}.sql` : `${version}_${table}`)
  if (layout === 'supabase') {
    await writeFile(own, text)
  } else if (layout === 'prisma') {
    await mkdir(own)
    await writeFile(join(own, 'migration.sql'), text)
  } else {
    throw new Error(`a broken migration is not written in the layout ${layout} yet`)
  }
  return own
}

/** What the migration promised and the database does not have, whatever its record says. */
async function whatIsMissing(url: string): Promise<string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ finished: boolean; sound: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = $1 AND column_name = 'finished') AS finished,
              EXISTS (SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = $2 AND i.indisvalid) AS sound`,
      [table, `${table}_kind`],
    )
    return [
      ...(rows[0]?.sound === true ? [] : ['The index of the migration is not there or not valid']),
      ...(rows[0]?.finished === true ? [] : ['The last statement of the migration was never run']),
    ]
  })
}
