import { open, readFile, rename } from 'node:fs/promises'
import { z } from 'zod'
import { isErrno } from '../durable.ts'

/*
 * What a receiver last said of itself, in a small file that any other process can read. Only as fresh as `at`: a receiver that
 * was killed does not say so.
 */

const position = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)

const gap = z.strictObject({ timeline: z.int(), from: position, to: position })

export const walStatusSchema = z.strictObject({
  /** Milliseconds since the epoch when this was written. */
  at: z.number(),
  pid: z.int(),
  slot: z.string(),
  state: z.enum(['streaming', 'disconnected', 'stopped']),
  timeline: z.int(),
  positions: z.strictObject({ server: position, received: position, spooled: position, stored: position }),
  lag: z.strictObject({
    receivedBytes: z.number(),
    spooledBytes: z.number(),
    storedBytes: z.number(),
    storedMs: z.number(),
  }),
  /** The newest moment that can be restored to. */
  newestMoment: z.number().nullable(),
  /** What keeps it from working: its code in the catalogue, since when, and in words. */
  trouble: z.strictObject({ code: z.string(), since: z.number(), says: z.string() }).nullable(),
  /** WAL it could not get any more since it was started; over with the next backup. */
  gap: gap.nullable(),
  /** Whether commits wait for it: `off` was not asked for, `waiting` not yet or not any more, `degraded` given up for now. */
  synchronous: z.enum(['off', 'waiting', 'synchronous', 'degraded']),
})

export type WalStatus = z.infer<typeof walStatusSchema>

/** What there is to say before a receiver ever ran. */
export function neverReceived(slot: string): WalStatus {
  return {
    at: 0,
    pid: 0,
    slot,
    state: 'stopped',
    timeline: 0,
    positions: { server: '0/0', received: '0/0', spooled: '0/0', stored: '0/0' },
    lag: { receivedBytes: 0, spooledBytes: 0, storedBytes: 0, storedMs: 0 },
    newestMoment: null,
    trouble: null,
    gap: null,
    synchronous: 'off',
  }
}

/** Puts the file in place whole. */
export async function writeWalStatus(file: string, status: WalStatus): Promise<void> {
  const beside = `${file}.next`
  const handle = await open(beside, 'w', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(status, null, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, file)
}

/** What the receiver last said; undefined when there never was one, or the file is not what this version writes. */
export async function readWalStatus(file: string): Promise<WalStatus | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return walStatusSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
