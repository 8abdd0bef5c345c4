import { access, constants, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { failure } from '../errors.ts'
import { runToEnd } from '../process.ts'
import { embeddedDirectory } from './embedded.ts'

/** The programs of one Postgres: `initdb` and `postgres` at least. */
export interface Binaries {
  /** Absolute folder of the programs. */
  directory: string
  major: number
  /** As Postgres writes it: `18.4`, `15.18`. */
  version: string
  source: 'embedded' | 'installed'
}

/** Postgres 15 brought what Aval relies on: a public schema nobody may write, and backups over one replication connection. */
export const oldestMajor = 15

export interface BinariesOptions {
  /** Exactly this major version. */
  major?: number
  /** At least this major version; 15 unless told. */
  minimum?: number
}

/**
 * Finds the programs of a server Aval owns: those from npm (`embedded`) or the machine's (`installed`, by `pg_config`, PATH
 * and the usual folders, the newest that fits).
 * @throws POSTGRES_NOT_FOUND naming what was looked at.
 */
export async function findBinaries(choice: 'embedded' | 'installed', options: BinariesOptions = {}): Promise<Binaries> {
  const folders = choice === 'embedded' ? [await embeddedDirectory()] : await installedFolders()
  const found: Binaries[] = []
  for (const folder of folders) {
    const version = folder === undefined ? undefined : await versionIn(folder)
    if (folder === undefined || version === undefined) continue
    found.push({ directory: folder, major: Number.parseInt(version, 10), version, source: choice })
  }
  const fitting = found.filter(({ major }) =>
    options.major === undefined ? major >= (options.minimum ?? oldestMajor) : major === options.major,
  )
  const best = fitting.reduce<Binaries | undefined>(
    (newest, each) => (newest === undefined || each.major > newest.major ? each : newest),
    undefined,
  )
  if (best) return best
  throw failure('POSTGRES_NOT_FOUND', {
    choice,
    wanted: options.major === undefined ? `${options.minimum ?? oldestMajor} or newer` : String(options.major),
    found: found.length === 0 ? 'none' : found.map(({ version, directory }) => `${version} in ${directory}`).join(', '),
  })
}

/** Folders in which programs of Postgres are looked for, each once. */
export async function installedFolders(): Promise<string[]> {
  const folders: string[] = []
  const config = await runToEnd({ program: 'pg_config', args: ['--bindir'] }).catch(() => undefined)
  if (config?.code === 0) folders.push(config.stdout.trim())
  folders.push(...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/')))
  folders.push('/usr/local/pgsql/bin')
  for (const [parent, pattern] of usualPlaces) {
    const names = await readdir(parent).catch(() => [])
    folders.push(...names.filter((name) => pattern.test(name)).map((name) => join(parent, name, 'bin')))
  }
  return [...new Set(folders)]
}

const usualPlaces: readonly [parent: string, name: RegExp][] = [
  ['/usr/lib/postgresql', /^\d+$/],
  ['/usr', /^pgsql-\d+$/],
  ['/opt/homebrew/opt', /^postgresql(@\d+)?$/],
  ['/usr/local/opt', /^postgresql(@\d+)?$/],
  ['/Library/PostgreSQL', /^\d+$/],
  ['/Applications/Postgres.app/Contents/Versions', /^\d+$/],
]

async function versionIn(folder: string): Promise<string | undefined> {
  for (const program of ['postgres', 'initdb']) {
    const there = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    )
    if (!there) return undefined
  }
  // One built for another C library or processor is there, but cannot be run.
  const result = await runToEnd({ program: join(folder, 'postgres'), args: ['--version'], cwd: '/' }).catch(
    () => undefined,
  )
  return result && /\(PostgreSQL\) (\d+(?:\.\d+|\w+)?)/.exec(result.stdout)?.[1]
}
