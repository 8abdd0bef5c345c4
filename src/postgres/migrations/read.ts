import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { failure } from '../../errors.ts'
import { readDrizzle } from './drizzle.ts'
import type { Layout, Migration } from './migration.ts'
import { readPrisma } from './prisma.ts'
import { readSqlFolder } from './sql-folder.ts'
import { readSupabase } from './supabase.ts'

const readers: Record<Layout, (directory: string) => Promise<Migration[]>> = {
  supabase: readSupabase,
  prisma: readPrisma,
  drizzle: readDrizzle,
  sql: readSqlFolder,
}

/**
 * Reads a folder of migrations, in the order they apply. Files of Drizzle that its journal does not name come last, marked.
 * @throws MIGRATIONS_NOT_FOUND, MIGRATION_MISNAMED, MIGRATION_DUPLICATE, MIGRATION_FILE_MISSING, MIGRATION_LIST_INVALID
 */
export async function readMigrations(layout: Layout, directory: string): Promise<Migration[]> {
  const folder = resolve(directory)
  const found = await stat(folder).catch(() => undefined)
  if (!found?.isDirectory()) throw failure('MIGRATIONS_NOT_FOUND', { directory: folder })
  const migrations = await readers[layout](folder)
  const seen = new Map<string, Migration>()
  for (const migration of migrations) {
    const other = seen.get(migration.id)
    if (other) {
      throw failure(
        'MIGRATION_DUPLICATE',
        { id: migration.id, one: other.name, other: migration.name },
        { where: { file: migration.file } },
      )
    }
    seen.set(migration.id, migration)
  }
  return migrations
}

/** What a plan says of its migrations. */
export interface DeclaredMigrations {
  layout: Layout
  /** Relative to the folder of the plan. */
  directory: string
  /** Files that nobody applies, by id, each with the reason. */
  leftOut: Readonly<Record<string, string>>
}

/**
 * The migrations of a system, without those that its plan leaves out.
 * @param directory folder of the plan
 * @throws as `readMigrations`
 */
export async function systemMigrations(directory: string, declared: DeclaredMigrations): Promise<Migration[]> {
  const migrations = await readMigrations(declared.layout, join(directory, declared.directory))
  return migrations.filter(({ id }) => declared.leftOut[id] === undefined)
}
