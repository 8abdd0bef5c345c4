import { lstat, readdir, realpath, unlink } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { CleanUp } from '../../plan/actions.ts'
import type { Plan } from '../../plan/plan.ts'

/** What was removed. */
export interface Removed {
  files: number
  bytes: number
}

/**
 * Removes the files of a folder of the system that were not changed for as long as the plan says. Only regular files go; folders stay, links are neither
 * followed nor removed.
 * @param directory the folder of the system.
 * @throws when the folder is not there, leads outside of the system, or holds what the plan itself is made of.
 */
export async function removeOldFiles(
  plan: Plan,
  directory: string,
  { in: folder, olderThan }: CleanUp['files'][string],
  nowMs: number,
): Promise<Removed> {
  const home = await realpath(directory)
  const root = await realpath(join(directory, folder))
  if (!isWithin(home, root)) throw new Error('the folder leads outside of the system')
  const own = partsOf(plan).map((part) => join(home, part))
  if (own.some((part) => isWithin(root, part) || isWithin(part, root) || part === root))
    throw new Error('the folder holds what the plan is made of')
  const removed: Removed = { files: 0, bytes: 0 }
  await removeWithin(root, nowMs - olderThan, removed)
  return removed
}

/** What of a system is no leavings, whatever a plan says: its sources. */
function partsOf({ database, exercise, requirements, runbooks, services }: Plan): string[] {
  const commands = Object.values(services).flatMap((service) => ('command' in service ? service.command.slice(1) : []))
  return [
    'plan.ts',
    requirements,
    ...(exercise === undefined ? [] : [exercise]),
    ...(database === undefined ? [] : [database.migrations.directory]),
    ...(database?.seed === undefined ? [] : [database.seed]),
    ...Object.values(runbooks).map(({ file }) => file),
    ...commands.filter((each) => each.includes('.')),
  ]
}

function isWithin(outer: string, inner: string): boolean {
  const way = relative(outer, inner)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`)
}

async function removeWithin(folder: string, beforeMs: number, removed: Removed): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await removeWithin(path, beforeMs, removed)
    if (!entry.isFile()) continue
    const { mtimeMs, size } = await lstat(path)
    if (mtimeMs >= beforeMs) continue
    await unlink(path)
    removed.files += 1
    removed.bytes += size
  }
}
