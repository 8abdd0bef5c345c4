import type { Repository } from '../repository/repository.ts'
import type { Lsn } from '../wal/lsn.ts'
import { newestMark } from '../wal/stored-segment.ts'
import type { LineStretch } from '../wal/timeline-history.ts'
import { type WalInventory, wayTo } from '../wal/wal-inventory.ts'

/** A timeline that an earlier restore or promotion left behind, with what was written to it after that. */
export interface LeftBranch {
  timeline: number
  /** The last moment it tells of, milliseconds since the epoch. */
  until: number
}

/**
 * The branch that may be meant by a moment beside the line that is followed: the line had left it by then, or was about to. Recovery along
 * the line ends with the state it branched off in, which is not what the system showed at that moment. The latest such branch.
 *
 * A moment shortly before the branching is told as well when no mark of that time is left to tell it apart: both ways lead to the same
 * state then.
 */
export async function leftBranchAt(
  repository: Repository,
  inventory: WalInventory,
  line: readonly LineStretch[],
  at: number,
): Promise<LeftBranch | undefined> {
  const followed = line.at(-1)?.timeline
  let found: LeftBranch | undefined
  for (const timeline of inventory.timelines.keys()) {
    if (timeline === followed) continue
    const way = wayTo(inventory, timeline)
    const parted = parting(line, way)
    if (parted === undefined) continue
    const last = await newestMark(repository, inventory, way)
    if (last === undefined || last.lsn <= parted.from || last.at < at) continue
    const common = await newestMark(repository, inventory, parted.shared)
    if (common !== undefined && at <= common.at) continue
    if (found === undefined || last.at > found.until) found = { timeline, until: last.at }
  }
  return found
}

/** What two lines have in common, and where they part; nothing when the second is a beginning of the first. */
function parting(
  line: readonly LineStretch[],
  other: readonly LineStretch[],
): { shared: LineStretch[]; from: Lsn } | undefined {
  const shared: LineStretch[] = []
  for (const [index, theirs] of other.entries()) {
    const ours = line[index]
    if (ours?.timeline !== theirs.timeline) return { shared, from: theirs.start }
    const from = earlier(ours.end, theirs.end)
    shared.push({ ...theirs, end: from })
    if (from !== undefined && ours.end !== theirs.end) return { shared, from }
  }
  return undefined
}

/** A stretch without an end goes on for ever. */
function earlier(one: Lsn | undefined, other: Lsn | undefined): Lsn | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}
