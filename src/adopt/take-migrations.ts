import { join } from 'node:path'
import { AvalError, failure } from '../errors.ts'
import type { Layout, Migration } from '../postgres/migrations/migration.ts'
import { readMigrations } from '../postgres/migrations/read.ts'
import { type Statement, statementsOf } from '../postgres/migrations/statement.ts'
import { type Candidate, candidateAt, findMigrations } from './find-migrations.ts'

/** The migrations of a repository as far as they can be read. */
export interface Taken {
  layout: Layout
  /** Relative to the root. */
  directory: string
  files: { migration: Migration; statements: readonly Statement[] }[]
  /** Files that Postgres does not understand, and why. */
  broken: { migration: Migration; problem: string }[]
  /** Ids of files that the layout's own tool never applies, each with why. */
  leftOut: Map<string, string>
  /** Why the files are read in the order of their names and not as their layout would; undefined where they are not. */
  disorder: string | undefined
  /** Further folders that look like migrations. */
  others: Candidate[]
}

/**
 * Takes in the migrations of a repository: those of the folder that was named, else of the likeliest that Postgres can read.
 * @throws INIT_NO_MIGRATIONS, MIGRATION_OTHER_DIALECT, MIGRATION_LIST_INVALID and what reading a folder throws
 */
export async function takeMigrations(root: string, named: string | undefined): Promise<Taken> {
  const candidates = named === undefined ? await findMigrations(root) : [(await candidateAt(root, named)) ?? []].flat()
  let first: unknown
  for (const candidate of candidates) {
    try {
      const taken = await take(root, candidate)
      return { ...taken, others: candidates.filter((each) => each !== candidate) }
    } catch (error) {
      if (!(error instanceof AvalError)) throw error
      first ??= error
    }
  }
  throw first ?? failure('INIT_NO_MIGRATIONS', { folder: named === undefined ? root : join(root, named) })
}

async function take(root: string, candidate: Candidate): Promise<Omit<Taken, 'others'>> {
  const { migrations, layout, disorder } = await inSomeOrder(join(root, candidate.directory), candidate.layout)
  const taken: Omit<Taken, 'others'> = {
    layout,
    directory: candidate.directory,
    files: [],
    broken: [],
    leftOut: leftOutOf(candidate.layout, layout, migrations),
    disorder,
  }
  let foreign: AvalError | undefined
  for (const migration of migrations) {
    try {
      taken.files.push({ migration, statements: await statementsOf(migration.sql, migration.file) })
    } catch (error) {
      if (!(error instanceof AvalError)) throw error
      if (error.code === 'MIGRATION_OTHER_DIALECT') foreign ??= error
      taken.broken.push({ migration, problem: `${error.where?.line ?? 1}: ${error.message}` })
    }
  }
  // One file may hold anything; where most do, the repository speaks to another database.
  if (foreign !== undefined && taken.broken.length * 2 >= migrations.length) throw foreign
  return taken
}

/** Names that the layout's tool would not take are no reason to know nothing: the files are read as plain ones then. */
async function inSomeOrder(
  folder: string,
  layout: Layout,
): Promise<{ migrations: Migration[]; layout: Layout; disorder: string | undefined }> {
  try {
    return { migrations: await readMigrations(layout, folder), layout, disorder: undefined }
  } catch (error) {
    const orderly = layout === 'sql' || layout === 'prisma'
    if (orderly || !(error instanceof AvalError) || !disordered.has(error.code)) throw error
    return { migrations: await readMigrations('sql', folder), layout: 'sql', disorder: error.message }
  }
}

const disordered = new Set(['MIGRATION_MISNAMED', 'MIGRATION_DUPLICATE', 'MIGRATION_FILE_MISSING'])

function leftOutOf(found: Layout, read: Layout, migrations: readonly Migration[]): Map<string, string> {
  const left = new Map<string, string>()
  for (const { id, name, journaled } of migrations) {
    if (!journaled) left.set(id, 'The journal of Drizzle does not name it.')
    if (found === 'supabase' && read === 'sql' && !/^\d+_.+\.sql$/.test(name))
      left.set(id, 'Supabase passes over a name without a version.')
  }
  return left
}
