import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../../errors.ts'
import { type Migration, migrationFrom } from './migration.ts'

/** `<timestamp>_<name>/migration.sql`, ordered by folder name, beside a `migration_lock.toml` that names the provider. */
export async function readPrisma(directory: string): Promise<Migration[]> {
  await requirePostgres(join(directory, 'migration_lock.toml'))
  const folders = (await readdir(directory, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
  return Promise.all(
    folders.map(async (folder) => {
      const file = join(directory, folder, 'migration.sql')
      const there = await access(file).then(
        () => true,
        () => false,
      )
      if (!there) throw failure('MIGRATION_FILE_MISSING', { name: `${folder}/migration.sql`, list: directory })
      return migrationFrom({ id: folder, name: `${folder}/migration.sql`, file })
    }),
  )
}

async function requirePostgres(lockFile: string): Promise<void> {
  const text = await readFile(lockFile, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const line = text.split('\n').findIndex((each) => /^\s*provider\s*=/.test(each))
  const provider = /provider\s*=\s*"([^"]*)"/.exec(text)?.[1]
  if (provider === 'postgresql' || provider === 'postgres') return
  throw failure(
    'MIGRATION_LIST_INVALID',
    { problem: provider === undefined ? 'names no provider' : `is for ${provider}, not postgresql` },
    { where: { file: lockFile, line: Math.max(line, 0) + 1 } },
  )
}
