import type { Clock } from '../../clock.ts'
import type { Repository } from '../repository/repository.ts'
import type { Lsn } from './lsn.ts'
import { newestMark } from './stored-segment.ts'
import { type WalArchive, walArchive } from './wal-archive.ts'
import type { WalFeed } from './wal-feed.ts'
import { readInventory, storedEnd } from './wal-inventory.ts'
import type { Spool } from './wal-spool.ts'

/** An archive that goes on where earlier receivers left off. */
export async function resumeArchive(
  repository: Repository,
  spool: Spool,
  { identity, start, line }: WalFeed,
  clock: Clock,
  pieceEveryMs: number,
  onStored: () => void,
): Promise<WalArchive> {
  const inventory = await readInventory(repository, identity.walSegmentBytes)
  const ends = new Map<number, Lsn>()
  for (const timeline of inventory.timelines.keys()) {
    const end = storedEnd(inventory, timeline)
    if (end !== undefined) ends.set(timeline, end)
  }
  const lsn = ends.get(start.timeline)
  return walArchive({
    repository,
    spool,
    clock,
    pieceEveryMs,
    onStored,
    stored: { timeline: start.timeline, lsn: lsn ?? start.lsn },
    mark: await newestMark(repository, inventory, line),
    ends,
    earlierPieces: ({ timeline, number }) => inventory.timelines.get(timeline)?.get(number)?.pieces ?? [],
  })
}
