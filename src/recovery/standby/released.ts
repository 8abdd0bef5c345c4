import { readFile, rm } from 'node:fs/promises'
import { z } from 'zod'
import { writeReplaced } from '../durable.ts'

/*
 * Whether commits of a synchronous pair go on without the standby for now. Written before the first commit may, removed once they wait again: a
 * failover in between must measure what it loses and not go by the word of the pair. Beside the pair file and not in it, which a promotion may be
 * writing meanwhile.
 */

const noteSchema = z.strictObject({ generation: z.int().positive(), at: z.number() })

const fileOf = (pairFile: string) => `${pairFile}.released`

export async function markReleased(pairFile: string, generation: number, at: number): Promise<void> {
  await writeReplaced(fileOf(pairFile), `${JSON.stringify({ generation, at })}\n`)
}

export async function clearReleased(pairFile: string): Promise<void> {
  await rm(fileOf(pairFile), { force: true })
}

/** A note that cannot be read counts as one. One of a generation that has passed does not: since then commits waited for another standby. */
export async function isReleased(pairFile: string, generation: number): Promise<boolean> {
  const text = await readFile(fileOf(pairFile), 'utf8').catch(() => undefined)
  if (text === undefined) return false
  try {
    return noteSchema.parse(JSON.parse(text)).generation === generation
  } catch {
    return true
  }
}
