import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { failure } from '../errors.ts'
import { markAlive, type ProcessMark, processMark } from '../process.ts'
import { siblingName } from './place.ts'

/*
 * Who runs the server of a data directory. The mark lies beside the directory; it is created whole (written elsewhere, then
 * linked), so that no reader sees half of one.
 */

const mark = z.object({ pid: z.int().positive(), started: z.string().nullable() })

export interface Ownership {
  /** Whether an owner died without stopping its server. */
  abandoned: boolean
  release(): Promise<void>
}

export function ownerFile(dataDirectory: string): string {
  return `${dataDirectory}.owner`
}

/**
 * Makes this process the owner of a data directory.
 * @throws POSTGRES_IN_USE while the owner is alive, be it this very process.
 */
export async function claim(dataDirectory: string): Promise<Ownership> {
  const file = ownerFile(dataDirectory)
  const release = () => rm(file, { force: true })
  const own = processMark(process.pid)
  const draft = siblingName(file, 'draft')
  await writeFile(draft, JSON.stringify(own), { mode: 0o600 })
  try {
    if (await linked(draft, file)) return { abandoned: false, release }
    // Replacing a dead owner's mark is guarded by a second link: of several that found it dead only one goes on, and only
    // after it has seen, under that guard, that the mark is still the dead one.
    const guard = `${file}.takeover`
    if (!(await linked(draft, guard))) {
      const other = await readOwner(guard)
      if (other && markAlive(other)) throw inUse(dataDirectory, other)
      await rm(guard, { force: true })
      if (!(await linked(draft, guard))) throw inUse(dataDirectory, other ?? own)
    }
    try {
      const predecessor = await readOwner(file)
      if (predecessor && markAlive(predecessor)) throw inUse(dataDirectory, predecessor)
      await rename(draft, file)
      return { abandoned: true, release }
    } finally {
      await rm(guard, { force: true })
    }
  } finally {
    await rm(draft, { force: true })
  }
}

/** The mark beside a data directory, of a live owner or a dead one. */
async function readOwner(file: string): Promise<ProcessMark | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return mark.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function inUse(dataDirectory: string, owner: ProcessMark): Error {
  return failure('POSTGRES_IN_USE', { directory: dataDirectory, pid: owner.pid })
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}
