import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../../errors.ts'
import { withClient } from '../../../postgres/connection.ts'
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
  const folder = join(operator.system, directory)
  // The operator's folder of migrations is a link to the system's own until the release brings another.
  await rm(folder, { recursive: true })
  await cp(join(system.directory, directory), folder, { recursive: true })
  await addMigration(folder, layout)
  const failed = await operator.aval(`aval migrate up ${system.name}`).then(() => undefined, messageOf)
  if (failed === undefined) throw new Error('the migration that was to fail did not')
  const url = environment.server.url({ database: environment.database.name })
  return {
    at: clock.now(),
    what: 'a migration of four statements stopped at the third; two stay',
    check: () => whatIsMissing(url),
    tidy: async () => {
      await rm(folder, { recursive: true })
      await symlink(join(system.directory, directory), folder)
      await withClient(url, async (client) => {
        await client.query(`DROP TABLE IF EXISTS ${table}`)
        await client.query('DELETE FROM aval.migrations WHERE name LIKE $1', [`%${table}%`])
      })
    },
  }
}

async function addMigration(folder: string, layout: string): Promise<void> {
  const text = `${statements.join('\n')}\n`
  if (layout === 'supabase') return writeFile(join(folder, `${version}_${table}.sql`), text)
  if (layout !== 'prisma') throw new Error(`a broken migration is not written in the layout ${layout} yet`)
  const own = join(folder, `${version}_${table}`)
  await mkdir(own)
  await writeFile(join(own, 'migration.sql'), text)
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
