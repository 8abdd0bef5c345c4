import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../../errors.ts'
import { withClient } from '../../../postgres/connection.ts'
import { journalSchema } from '../../../postgres/migrations/drizzle.ts'
import type { Layout } from '../../../postgres/migrations/migration.ts'
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
  const takeOut = await addMigration(folder, layout)
  const failed = await operator.aval(`aval migrate up ${system.name}`).then(() => undefined, messageOf)
  if (failed === undefined) throw new Error('the migration that was to fail did not')
  const url = environment.server.url({ database: environment.database.name })
  return {
    at: clock.now(),
    what: 'a migration of four statements stopped at the third; two stay',
    check: () => whatIsMissing(url),
    tidy: async () => {
      await takeOut()
      await withClient(url, async (client) => {
        await client.query(`DROP TABLE IF EXISTS ${table}`)
        await client.query('DELETE FROM aval.migrations WHERE name LIKE $1', [`%${table}%`])
      })
    },
  }
}

/** Adds it as the last one. @returns takes it out again */
async function addMigration(folder: string, layout: Layout): Promise<() => Promise<void>> {
  const text = `${statements.join('\n')}\n`
  const id = `${version}_${table}`
  switch (layout) {
    case 'sql':
    case 'supabase': {
      const file = join(folder, `${id}.sql`)
      await writeFile(file, text)
      return () => rm(file)
    }
    case 'prisma': {
      const own = join(folder, id)
      await mkdir(own)
      await writeFile(join(own, 'migration.sql'), text)
      return () => rm(own, { recursive: true })
    }
    case 'drizzle': {
      const file = join(folder, `${id}.sql`)
      const list = join(folder, 'meta', '_journal.json')
      const before = await readFile(list, 'utf8')
      const journal = journalSchema.parse(JSON.parse(before))
      const idx = Math.max(-1, ...journal.entries.map((entry) => entry.idx)) + 1
      await writeFile(file, text)
      await writeFile(list, JSON.stringify({ ...journal, entries: [...journal.entries, { idx, tag: id }] }))
      return async () => {
        await writeFile(list, before)
        await rm(file)
      }
    }
  }
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
