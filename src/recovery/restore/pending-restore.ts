import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Account } from '../../postgres/account.ts'
import { isErrno, syncDirectory, writeOwned } from '../durable.ts'

/*
 * A note inside a restored directory that its restore is not finished: it may not have recovered yet, and what the plan wants
 * run after a restore was not run. It goes last, so that a crash at any point lets `finishRestore` go on.
 */

const noteSchema = z.strictObject({
  wal: z.string(),
  /** The SQL was committed; only tidying is left. */
  settled: z.boolean(),
  /** What was erased since the backup, to be erased again; the file is readable to the server's account alone, as the data is. */
  erasures: z
    .array(z.strictObject({ name: z.string(), subject: z.string(), sql: z.array(z.string()), at: z.number() }))
    .default([]),
})

export type PendingRestore = z.infer<typeof noteSchema>

const fileOf = (directory: string) => join(directory, 'aval-restore.json')

export async function markPending(
  directory: string,
  wal: string,
  account: Account | undefined,
  erasures: PendingRestore['erasures'] = [],
): Promise<void> {
  await write(directory, { wal, settled: false, erasures }, account)
}

export async function markSettled(
  directory: string,
  pending: PendingRestore,
  account: Account | undefined,
): Promise<void> {
  await write(directory, { ...pending, settled: true, erasures: [] }, account)
}

/** What is still to do in a restored directory; undefined when nothing is. A server must not be used before it is done. */
export async function pendingRestore(directory: string): Promise<PendingRestore | undefined> {
  try {
    return noteSchema.parse(JSON.parse(await readFile(fileOf(directory), 'utf8')))
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

export async function clearPending(directory: string, pending: PendingRestore): Promise<void> {
  await rm(pending.wal, { recursive: true, force: true })
  await rm(fileOf(directory), { force: true })
  await syncDirectory(directory)
  await syncDirectory(dirname(directory))
}

async function write(directory: string, note: PendingRestore, account: Account | undefined): Promise<void> {
  await writeOwned(fileOf(directory), JSON.stringify(note), account)
  await syncDirectory(directory)
}
