import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../../errors.ts'
import { type Migration, migrationFrom } from './migration.ts'

/** `<version>_<name>.sql`, ordered by version; a `.down.sql` beside one is for going back and not read. */
export async function readSupabase(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql') && !name.endsWith('.down.sql'))
  const versioned = names.map((name) => {
    const version = /^(\d+)_.+\.sql$/.exec(name)?.[1]
    if (version !== undefined) return { name, version }
    throw failure(
      'MIGRATION_MISNAMED',
      { name, expected: '<version>_<name>.sql, such as 20260101120000_init.sql' },
      { where: { file: join(directory, name) } },
    )
  })
  versioned.sort((one, other) => compareVersions(one.version, other.version) || (one.name < other.name ? -1 : 1))
  return Promise.all(
    versioned.map(({ name, version }) => migrationFrom({ id: version, name, file: join(directory, name) })),
  )
}

/** Versions are compared as text, as Supabase does, which for its 14 digits is the order of time. */
function compareVersions(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
