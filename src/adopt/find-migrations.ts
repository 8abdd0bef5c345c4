import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Layout } from '../postgres/migrations/migration.ts'

/** A folder of a repository that looks like one of migrations. */
export interface Candidate {
  layout: Layout
  /** Relative to the root; `.` for the root itself. */
  directory: string
  /** How many migrations it seems to hold. */
  files: number
}

/** Folders that hold what others wrote, or what was built. */
const skipped = new Set(['node_modules', 'vendor', 'dist', 'build', 'out', 'target', 'coverage', 'venv', '__pycache__'])
const deepest = 6

const usualNames = /^(migrations?|migrate|versions|sql|db|database|schemas?)$/i
const numbered = /^(?:V|R__)?\d+.*\.sql$/

/**
 * Folders of migrations in a repository, the likeliest first: a layout that says of itself what it is comes before plain files, and more files
 * before fewer. Links are not followed, nor folders whose name begins with a dot.
 */
export async function findMigrations(root: string): Promise<Candidate[]> {
  const found = await within(root, '.', 0)
  const rank: Record<Layout, number> = { supabase: 0, prisma: 1, drizzle: 2, sql: 3 }
  return found.toSorted(
    (one, other) =>
      rank[one.layout] - rank[other.layout] || other.files - one.files || (one.directory < other.directory ? -1 : 1),
  )
}

/** What one folder looks like, when somebody says that it is one of migrations. */
export async function candidateAt(root: string, directory: string): Promise<Candidate | undefined> {
  const entries = await readdir(join(root, directory), { withFileTypes: true }).catch(() => [])
  return (await recognised(root, directory, entries)) ?? plain(directory, entries, () => true)
}

async function within(root: string, directory: string, depth: number): Promise<Candidate[]> {
  const entries = await readdir(join(root, directory), { withFileTypes: true }).catch(() => [])
  const own = (await recognised(root, directory, entries)) ?? plain(directory, entries, isLikely)
  if (own !== undefined) return [own]
  if (depth === deepest) return []
  const folders = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !skipped.has(entry.name))
    .map(({ name }) => name)
    .toSorted()
  const below = await Promise.all(folders.map((name) => within(root, join(directory, name), depth + 1)))
  return below.flat()
}

interface Entry {
  name: string
  isFile(): boolean
  isDirectory(): boolean
}

async function recognised(root: string, directory: string, entries: readonly Entry[]): Promise<Candidate | undefined> {
  const sql = sqlFiles(entries)
  const has = (path: string) => readdir(join(root, directory, path)).catch((): string[] => [])
  if (/(^|\/)supabase\/migrations$/.test(directory) && sql.length > 0)
    return { layout: 'supabase', directory, files: sql.length }
  if (entries.some(({ name }) => name === 'meta') && (await has('meta')).includes('_journal.json'))
    return { layout: 'drizzle', directory, files: sql.length }
  const folders = entries.filter((entry) => entry.isDirectory() && /^\d/.test(entry.name))
  const holding = await Promise.all(folders.map(async ({ name }) => (await has(name)).includes('migration.sql')))
  const count = holding.filter(Boolean).length
  return count > 0 ? { layout: 'prisma', directory, files: count } : undefined
}

function plain(
  directory: string,
  entries: readonly Entry[],
  likely: (directory: string, names: readonly string[]) => boolean,
): Candidate | undefined {
  const names = sqlFiles(entries)
  return names.length > 0 && likely(directory, names) ? { layout: 'sql', directory, files: names.length } : undefined
}

function isLikely(directory: string, names: readonly string[]): boolean {
  const name = directory.split('/').at(-1) ?? ''
  return usualNames.test(name) || names.filter((each) => numbered.test(each)).length >= Math.max(2, names.length / 2)
}

function sqlFiles(entries: readonly Entry[]): string[] {
  return entries.filter((entry) => entry.isFile() && entry.name.endsWith('.sql')).map(({ name }) => name)
}
