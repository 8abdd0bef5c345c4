import { chown, type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '../../postgres/account.ts'
import { syncDirectory } from '../durable.ts'
import type { Repository } from '../repository/repository.ts'
import { hex8, segmentName } from '../wal/lsn.ts'
import { readSegment } from '../wal/stored-segment.ts'
import type { StoredSegment } from '../wal/wal-inventory.ts'
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
      const file = join(directory, segmentName(stored.segment, walSegmentBytes))
      await writeSegment(file, { repository, stored, segmentBytes: walSegmentBytes, account })
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

/** Writes a segment, as far as it is stored, as `writeWalFile` does. */
export async function writeSegment(
  path: string,
  what: { repository: Repository; stored: StoredSegment; segmentBytes: number; account: Account | undefined },
): Promise<void> {
  const { repository, stored, segmentBytes, account } = what
  const fill = (file: FileHandle) =>
    readSegment(repository, stored, segmentBytes, async (bytes, at) => {
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
      }
    })
  await writeWalFile(path, fill, segmentBytes, account)
}

/** Writes a file of WAL, filled with zeros to its length, synced, for the account the server runs as. */
async function writeWalFile(
  path: string,
  fill: (file: FileHandle) => Promise<void>,
  length: number,
  account: Account | undefined,
): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await fill(file)
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
    const file = join(directory, `${hex8(timeline)}.history`)
    await writeWalFile(file, (handle) => handle.writeFile(bytes), bytes.length, account)
  }
}
