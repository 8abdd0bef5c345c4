import { chown, lstat, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { failure } from '../errors.ts'
import { runOrFail } from '../process.ts'
import { type Account, serverAccount } from './account.ts'
import type { Binaries } from './binaries.ts'
import { siblingName } from './place.ts'
import { superuser } from './superuser.ts'

/** The environment of a server's programs: nothing of Aval's own, and messages in English, which Aval reads. */
export const serverEnvironment: NodeJS.ProcessEnv = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * Makes a cluster where there is none; leaves one that is there as it is.
 * @returns true when it was made.
 * @throws POSTGRES_NOT_A_CLUSTER for a folder that holds something else, POSTGRES_WRONG_MAJOR for one of another version.
 */
export async function ensureCluster(dataDirectory: string, binaries: Binaries): Promise<boolean> {
  const names = await readdir(dataDirectory).catch(() => undefined)
  if (names?.includes('PG_VERSION')) {
    const major = (await readFile(join(dataDirectory, 'PG_VERSION'), 'utf8')).trim()
    if (major === String(binaries.major)) return false
    throw failure('POSTGRES_WRONG_MAJOR', { directory: dataDirectory, major, version: binaries.version })
  }
  if (names !== undefined && names.length > 0) throw failure('POSTGRES_NOT_A_CLUSTER', { directory: dataDirectory })
  await createCluster(dataDirectory, binaries)
  return true
}

/**
 * Made beside its place and moved there whole, so that a crash leaves no half cluster. The superuser has no password until
 * its first start sets it.
 */
async function createCluster(dataDirectory: string, binaries: Binaries): Promise<void> {
  const parent = dirname(dataDirectory)
  await mkdir(parent, { recursive: true })
  await removeDrafts(parent, `${basename(dataDirectory)}.new-`)
  const draft = siblingName(dataDirectory, 'new')
  const account = serverAccount()
  await mkdir(draft, { mode: 0o700 })
  if (account) await chown(draft, account.uid, account.gid)
  try {
    await runOrFail({
      program: join(binaries.directory, 'initdb'),
      args: [
        `--pgdata=${draft}`,
        `--username=${superuser}`,
        '--auth=reject',
        '--encoding=UTF8',
        '--data-checksums',
        '--no-instructions',
        ...localeOf(binaries),
      ],
      cwd: '/',
      env: serverEnvironment,
      timeoutMs: 120_000,
      ...(account ? { account } : {}),
    })
    await rmdir(dataDirectory).catch(() => undefined)
    await rename(draft, dataDirectory)
  } finally {
    await rm(draft, removal)
  }
}

/** Sorting must not depend on the machine: the built-in provider from 17 on, before it the plain order of bytes. */
function localeOf({ major }: Binaries): string[] {
  return major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'] : ['--locale=C']
}

/** The initdb of a killed Aval may still be writing into its draft; it gives up once its files go. */
async function removeDrafts(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(join(parent, name), removal)
  }
}

const removal = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 } as const

/** Writes a file of the cluster as the server account would have. */
export async function writeClusterFile(dataDirectory: string, name: string, text: string): Promise<void> {
  const path = join(dataDirectory, name)
  const account = serverAccount()
  await writeFile(path, text, { mode: 0o600 })
  if (account) await chown(path, account.uid, account.gid)
}

/** Hands every file below a directory to an account: what root restored belongs to root. Links are not followed. */
export async function handOver(directory: string, account: Account): Promise<void> {
  const telling = [directory, join(directory, 'PG_VERSION'), join(directory, 'global', 'pg_control')]
  const owners = await Promise.all(telling.map(async (path) => (await lstat(path)).uid))
  if (owners.every((uid) => uid === account.uid)) return
  for (const child of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!child.isSymbolicLink()) await chown(join(child.parentPath, child.name), account.uid, account.gid)
  }
  // Last of the three that are looked at, so that an interrupted call begins again.
  await chown(directory, account.uid, account.gid)
}
