import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { failure } from '../errors.ts'
import { siblingName } from './place.ts'

/*
 * A data directory whose server was replaced must never serve again: what it would accept is on no other server. The mark
 * lies beside the directory, so that neither a base backup nor pg_rewind carries it to another one, and outlives a reboot.
 */

const fenceSchema = z.strictObject({
  /** How often the primary of the pair has changed, with this change. */
  generation: z.int().positive(),
  /** Data directory of the server that took over. */
  successor: z.string(),
  /** Milliseconds since the epoch. */
  at: z.number(),
})

export type Fence = z.infer<typeof fenceSchema>

function fenceFile(dataDirectory: string): string {
  return `${dataDirectory}.fenced`
}

/** Marks a data directory so that `startServer` refuses it. What runs on it already is not ended by this. */
export async function markFenced(dataDirectory: string, fence: Fence): Promise<void> {
  const file = fenceFile(dataDirectory)
  const draft = siblingName(file, 'draft')
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(fence)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
  await syncParent(file)
}

/** Takes the mark away: the directory holds a standby of the successor now. */
export async function liftFence(dataDirectory: string): Promise<void> {
  await rm(fenceFile(dataDirectory), { force: true })
  await syncParent(dataDirectory)
}

/** The mark of a directory; undefined when there is none. One that cannot be read is a mark all the same. */
export async function readFence(dataDirectory: string): Promise<Fence | 'unreadable' | undefined> {
  let text: string
  try {
    text = await readFile(fenceFile(dataDirectory), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    return 'unreadable'
  }
  try {
    return fenceSchema.parse(JSON.parse(text))
  } catch {
    return 'unreadable'
  }
}

/** @throws POSTGRES_FENCED */
export async function refuseFenced(dataDirectory: string): Promise<void> {
  const fence = await readFence(dataDirectory)
  if (fence === undefined) return
  const successor = fence === 'unreadable' ? 'another one' : fence.successor
  throw failure('POSTGRES_FENCED', { directory: dataDirectory, successor })
}

async function syncParent(path: string): Promise<void> {
  const handle = await open(dirname(path), 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
