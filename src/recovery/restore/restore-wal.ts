import { chown, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '../../postgres/account.ts'
import { syncDirectory } from '../durable.ts'
import type { Repository } from '../repository/repository.ts'
import { hex8, segmentName } from '../wal/lsn.ts'
import { readSegment } from '../wal/stored-segment.ts'
import type { RestorePoint } from './restore-point.ts'

/** Segments decrypted at once. */
const lanes = 2

/**
 * Brings the WAL and the timeline histories that recovery will ask for into a directory, under Postgres's own names. The last
 * segment is filled with zeros to its size: Postgres reads whole segments only, and takes zeros for the end of the WAL.
 * Histories of timelines that recovery does not follow come as well: from them Postgres chooses a number for its own that is not taken.
 * @throws OBJECT_DAMAGED, OBJECT_MISSING, or the signal's reason.
 */
export async function fetchWal(options: {
  repository: Repository
  point: RestorePoint
  directory: string
  account: Account | undefined
  signal?: AbortSignal
}): Promise<void> {
  const { repository, point, directory, account, signal } = options
  const { walSegmentBytes } = point.backup
  const queue = [...point.segments]
  let broken = false
  const lane = async () => {
    for (let stored = queue.shift(); stored && !broken; stored = queue.shift()) {
      signal?.throwIfAborted()
      const bytes = await readSegment(repository, stored, walSegmentBytes)
      const file = join(directory, segmentName(stored.segment, walSegmentBytes))
      await writeWalFile(file, bytes, walSegmentBytes, account)
    }
  }
  const stopOthers = (error: unknown) => {
    broken = true
    throw error
  }
  const outcomes = await Promise.allSettled(Array.from({ length: lanes }, () => lane().catch(stopOthers)))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  await writeHistories(point, directory, account)
  if (account) await chown(directory, account.uid, account.gid)
  await syncDirectory(directory)
}

/** Writes a file of WAL, filled with zeros to its length, synced, for the account the server runs as. */
export async function writeWalFile(
  path: string,
  bytes: Uint8Array,
  length: number,
  account: Account | undefined,
): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.truncate(length)
    if (account) await file.chown(account.uid, account.gid)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Writes all timeline histories there are. */
export async function writeHistories(
  { histories }: Pick<RestorePoint, 'histories'>,
  directory: string,
  account: Account | undefined,
): Promise<void> {
  for (const [timeline, text] of histories) {
    const bytes = Buffer.from(text, 'utf8')
    await writeWalFile(join(directory, `${hex8(timeline)}.history`), bytes, bytes.length, account)
  }
}
