import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { claimSpool, removeAbandoned } from '../wal/spool-owner.ts'

const prefix = 'aval-dump-'

/** Memory in which the files of small dumps never touch a disk. */
const memoryFolder = '/dev/shm'
const memoryBytes = 512 * 2 ** 20

/**
 * A folder for the files of a dump, which are in the clear: for this account alone, in memory when they are few, removed afterwards. What a
 * killed process left is removed first.
 * @param options.folder on a disk, for larger ones.
 * @param options.expected bytes.
 */
export async function privateFolder(options: {
  folder: string
  expected: number
}): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 })
  const inMemory = await statfs(memoryFolder).then(
    ({ bavail, bsize }) => options.expected <= Math.min(memoryBytes, (bavail * bsize) / 4),
    () => false,
  )
  for (const place of [memoryFolder, options.folder]) await removeAbandoned(place, prefix).catch(() => undefined)
  const path = await mkdtemp(join(inMemory ? memoryFolder : options.folder, prefix))
  await claimSpool(path)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
