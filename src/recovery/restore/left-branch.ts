import type { Repository } from '../repository/repository.ts'
import type { Mark } from '../wal/heartbeat.ts'
import type { Lsn } from '../wal/lsn.ts'
import { newestMark } from '../wal/stored-segment.ts'
import { timelineBegan } from '../wal/timeline-begin.ts'
import type { LineStretch } from '../wal/timeline-history.ts'
import { type WalInventory, wayTo } from '../wal/wal-inventory.ts'

/** A timeline that an earlier restore or promotion left behind, with what was written to it after that. */
export interface LeftBranch {
  timeline: number
  /** The last moment it tells of, milliseconds since the epoch; before the moment that is asked for when nothing ran by then. */
  until: number
  /** The time of the first commit that is on it and not on the line that is followed; undefined where that is not known. */
  from: number | undefined
}

/**
 * The branch the system was on at a moment, when the line that is followed had left it by then: recovery along the line ends with the state
 * it branched off in, which is not what the system showed. Servers ran one after the other, so that a moment belongs to the first
 * timeline that goes on until then; when that one had not begun yet nothing ran, and what the system showed last was the one before.
 *
 * Not told: a moment at which nothing ran, when the first records of the next timeline are not stored. Told in vain: one shortly before a
 * branching of which no time is known.
 */
export async function leftBranchAt(
  repository: Repository,
  inventory: WalInventory,
  line: readonly LineStretch[],
  at: number,
): Promise<LeftBranch | undefined> {
  if (inventory.timelines.size < 2) return undefined
  const live = await liveAt(repository, inventory, at)
  if (live === undefined) return undefined
  const { timeline, last } = live
  const parted = parting(line, wayTo(inventory, timeline))
  if (parted === undefined || last.lsn <= parted.from) return undefined
  const { leftOut, shared } = parted
  if (leftOut !== undefined) return at < leftOut ? undefined : { timeline, until: last.at, from: Math.floor(leftOut) }
  const common = await newestMark(repository, inventory, shared)
  return common && at <= common.at ? undefined : { timeline, until: last.at, from: undefined }
}

interface Live {
  timeline: number
  last: Mark
}

/** The timeline that was written to at a moment, or last before it, and its last mark. */
async function liveAt(repository: Repository, inventory: WalInventory, at: number): Promise<Live | undefined> {
  let live: Live | undefined
  let ended: Live | undefined
  for (const timeline of [...inventory.timelines.keys()].sort((a, b) => a - b)) {
    const own = wayTo(inventory, timeline).slice(-1)
    const last = await newestMark(repository, inventory, own)
    if (last && last.at >= at && (live === undefined || last.at < live.last.at)) live = { timeline, last }
    if (last && last.at < at && (ended === undefined || last.at >= ended.last.at)) ended = { timeline, last }
  }
  const own = live && wayTo(inventory, live.timeline).at(-1)
  // This only informs: records of another branch that cannot be read must not keep anybody from restoring this one.
  const began = ended && own && (await timelineBegan(repository, inventory, own).catch(() => undefined))
  return began !== undefined && at < began ? ended : live
}

/** What two lines have in common, and where they part; nothing when one is a beginning of the other. */
function parting(
  line: readonly LineStretch[],
  other: readonly LineStretch[],
): { shared: LineStretch[]; from: Lsn; leftOut: number | undefined } | undefined {
  const shared: LineStretch[] = []
  for (const [index, theirs] of other.entries()) {
    const ours = line[index]
    if (ours?.timeline !== theirs.timeline) {
      return { shared, from: theirs.start, leftOut: shared.at(-1)?.leftOut }
    }
    const sooner = leavesSooner(theirs, ours) ? theirs : ours
    shared.push(sooner)
    if (sooner.end !== undefined && ours.end !== theirs.end) {
      return { shared, from: sooner.end, leftOut: sooner.leftOut }
    }
  }
  return undefined
}

/** A stretch without an end goes on for ever. */
function leavesSooner(one: LineStretch, other: LineStretch): boolean {
  return one.end !== undefined && (other.end === undefined || one.end < other.end)
}
