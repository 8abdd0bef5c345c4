import { createHash, randomBytes } from 'node:crypto'
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { type Account, serverAccount } from './account.ts'

/** Where a root Aval keeps what its server account could not reach in the clone, for instance below /root. */
export const rootPlaces = '/var/lib/aval'

/**
 * A directory the server account can traverse to and own. It need not exist yet; its parent does after the call.
 * @returns the same directory for ordinary users, and for root where every ancestor lets the account through; else one
 * below /var/lib/aval that is always the same for this path.
 */
export async function reachable(directory: string): Promise<string> {
  const wanted = resolve(directory)
  const account = serverAccount()
  // Made before it is looked at: root's umask may close what it makes to everybody else.
  await mkdir(dirname(wanted), { recursive: true })
  if (account === undefined || (await blockingAncestor(wanted, account)) === undefined) return wanted
  const place = join(rootPlaces, createHash('sha256').update(wanted).digest('hex').slice(0, 16))
  await openDirectory(place)
  // For the person who wonders later what this folder belongs to.
  await writeFile(join(place, 'origin'), `${wanted}\n`)
  return join(place, basename(wanted))
}

/** Removes what `reachable` gave, and its place below /var/lib/aval once nothing is left in it but the note on its origin. */
export async function removeReachable(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  const place = dirname(directory)
  if (dirname(place) !== rootPlaces) return
  const left = await readdir(place).catch(() => undefined)
  if (left?.length === 1 && left[0] === 'origin') await rm(place, { recursive: true, force: true })
}

/** Makes a directory of `rootPlaces`, and it, such that everybody may enter, whatever the umask says. */
async function openDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const each of [rootPlaces, directory]) await chmod(each, 0o755)
}

/** The nearest ancestor of a directory that the account may not traverse; undefined when there is none. */
export async function blockingAncestor(directory: string, account: Account): Promise<string | undefined> {
  const parent = dirname(resolve(directory))
  if (parent !== dirname(parent)) {
    const above = await blockingAncestor(parent, account)
    if (above !== undefined) return above
  }
  const found = await stat(parent).catch(() => undefined)
  // What is not there yet is judged once it is made.
  if (found === undefined) return undefined
  const bit = found.uid === account.uid ? 0o100 : found.gid === account.gid ? 0o010 : 0o001
  return (found.mode & bit) === 0 ? parent : undefined
}

export interface TemporaryPlace {
  path: string
  remove(): Promise<void>
}

/** A path of a socket may have 107 characters at most on Linux and 103 on macOS; the name of a place and of the socket follow. */
const longestTemporary = 48

/** A new directory for a short while, short enough a path for sockets, private to the server account. */
export async function temporaryPlace(prefix: string): Promise<TemporaryPlace> {
  const account = serverAccount()
  const path = await mkdtemp(join(await temporaryFolder(account), `${prefix}-`))
  if (account) await chown(path, account.uid, account.gid)
  await chmod(path, 0o700)
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** What TMPDIR names, unless it is long or closed to the server account. */
async function temporaryFolder(account: Account | undefined): Promise<string> {
  const named = tmpdir()
  if (named.length > longestTemporary) return '/tmp'
  if (account !== undefined && (await blockingAncestor(join(named, 'place'), account)) !== undefined) return '/tmp'
  return named
}

/**
 * The directory for a server's socket: the same for each run of a data directory, so that killed ones leave no heap of them.
 * A stranger may have made one of that name first; another is taken then.
 * @param name of the server, short
 */
export async function socketPlace(name: string): Promise<TemporaryPlace> {
  const path = join('/tmp', name)
  const account = serverAccount()
  const uid = account?.uid ?? process.getuid?.()
  const there = await lstat(path).catch(() => undefined)
  if (there !== undefined && !(there.isDirectory() && there.uid === uid)) return temporaryPlace('aval')
  const remove = () => rm(path, { recursive: true, force: true })
  await remove()
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return temporaryPlace('aval')
    throw error
  }
  if (account) await chown(path, account.uid, account.gid)
  return { path, remove }
}

/** A name beside `path` that nobody else uses. */
export function siblingName(path: string, purpose: string): string {
  return `${path}.${purpose}-${randomBytes(6).toString('hex')}`
}
