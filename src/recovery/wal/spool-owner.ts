import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { failure } from '../../errors.ts'
import { markAlive, processMark } from '../../process.ts'
import { isErrno } from '../durable.ts'

const markSchema = z.strictObject({ pid: z.int(), started: z.string().nullable() })

/**
 * Takes a spool for this process; what a dead process held is taken over.
 * @returns gives it back.
 * @throws WAL_SPOOL_BUSY
 */
export async function claimSpool(spool: string): Promise<() => Promise<void>> {
  const file = join(spool, 'owner.json')
  const mine = JSON.stringify(processMark(process.pid))
  for (;;) {
    try {
      await writeFile(file, mine, { flag: 'wx', mode: 0o600 })
      return () => rm(file, { force: true })
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error
    }
    const owner = await readOwner(file)
    if (owner && markAlive(owner)) throw failure('WAL_SPOOL_BUSY', { spool, pid: owner.pid })
    await rm(file, { force: true })
  }
}

/** Removes spools whose owner was killed: they hold WAL in the clear, and nothing that a store still waits for. */
export async function removeAbandoned(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue
    // Without an owner it is one that is being made right now.
    const owner = await readOwner(join(folder, name, 'owner.json'))
    if (owner && !markAlive(owner)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

async function readOwner(file: string): Promise<z.infer<typeof markSchema> | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '')
  try {
    return markSchema.parse(JSON.parse(text))
  } catch {
    // A process that died while it wrote the file.
    return undefined
  }
}
