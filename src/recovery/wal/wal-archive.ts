import type { Clock } from '../../clock.ts'
import { writeHead } from '../repository/head.ts'
import { layout } from '../repository/layout.ts'
import type { Repository } from '../repository/repository.ts'
import type { Mark } from './heartbeat.ts'
import { type Lsn, type Segment, segmentStart } from './lsn.ts'
import { markMeta } from './stored-segment.ts'
import type { Piece } from './wal-inventory.ts'
import type { Spool } from './wal-spool.ts'

/** Pieces of one size class that are joined into one of the next, which bounds both their number and the bytes written twice. */
const joinAt = 16
const headEveryMs = 2_000

/** Takes WAL from the spool to the repository. */
export interface WalArchive {
  /** Everything before it is in the repository. */
  stored(): Lsn
  /** Remembers a moment that can be restored to once the WAL up to it is stored. */
  addMark(mark: Mark): void
  newestMark(): Mark | undefined
  /** WAL arrives from here on. What is known of another timeline tells nothing of this one, unless it lies before. */
  follow(start: { timeline: number; lsn: Lsn }): void
  /**
   * Stores the next thing that is due.
   * @returns milliseconds until something will be due, undefined when nothing waits, 0 when something was stored.
   */
  step(urgent: boolean): Promise<number | undefined>
  /** Writes down how far the WAL of each timeline reaches. */
  writeHead(): Promise<void>
}

export interface WalArchiveOptions {
  repository: Repository
  spool: Spool
  clock: Clock
  /** Longest time WAL waits in the spool for more to come. */
  pieceEveryMs: number
  /** Where earlier receivers left off, or where this one begins. */
  stored: { timeline: number; lsn: Lsn }
  mark: Mark | undefined
  ends: ReadonlyMap<number, Lsn>
  /** Pieces of the segment that was begun earlier; replaced by the first piece written now. */
  earlierPieces: (segment: Segment) => readonly Piece[]
  /** Hears at once when more is stored. */
  onStored?: () => void
}

interface Growing {
  segment: Segment
  pieces: (Piece & { level: number })[]
  /** Pieces of an earlier receiver, removed once ours cover them. */
  earlier: readonly Piece[]
  to: number
}

export function walArchive(options: WalArchiveOptions): WalArchive {
  const { repository, spool, clock } = options
  const { segmentBytes } = spool
  const ends = new Map(options.ends)
  let stored = options.stored
  let carried = options.mark
  const marks: Mark[] = []
  let growing: Growing | undefined
  let waitingSince: number | undefined
  let headAt = Number.NEGATIVE_INFINITY

  const startOf = (segment: Segment) => segmentStart(segment, segmentBytes)

  /** The newest mark before a position. Marks behind it wait for the WAL that holds them. */
  const markBefore = (lsn: Lsn) => {
    for (let next = marks[0]; next && next.lsn <= lsn; next = marks[0]) {
      marks.shift()
      // After the server's clock was put back its commits carry earlier times. Recovery stops at the first later one it meets,
      // so that what counts is the latest time that was ever reached.
      if (!carried || next.at >= carried.at) carried = next
    }
    return markMeta(carried)
  }
  const reached = (segment: Segment, to: number) => {
    const lsn = startOf(segment) + BigInt(to)
    ends.set(segment.timeline, lsn)
    // The rest of a timeline that was left is stored as well, and says nothing of the present one.
    if (stored.timeline === segment.timeline && stored.lsn < lsn) stored = { timeline: segment.timeline, lsn }
    waitingSince = undefined
    options.onStored?.()
  }
  const removePieces = async (pieces: readonly Piece[]) => {
    for (const { key } of pieces) await repository.store.delete(key)
  }

  const storeWhole = async (segment: Segment) => {
    // Read twice, since the digest stands in front: the file was just written, and is in the system's memory rather than in ours.
    const digest = await repository.digestOf(spool.read(segment, 0, segmentBytes))
    const meta = markBefore(startOf(segment) + BigInt(segmentBytes))
    const key = layout.segment(segment, segmentBytes)
    await repository.put(key, spool.read(segment, 0, segmentBytes), { meta, digest })
    reached(segment, segmentBytes)
    for await (const piece of repository.store.list(layout.pieces(segment, segmentBytes))) {
      await repository.store.delete(piece.key)
    }
    growing = undefined
    await spool.remove(segment)
  }
  const putPiece = async (segment: Segment, from: number, to: number, replace: boolean) => {
    const digest = await repository.digestOf(spool.read(segment, from, to))
    const key = layout.piece(segment, segmentBytes, from, to)
    const meta = markBefore(startOf(segment) + BigInt(to))
    await repository.put(key, spool.read(segment, from, to), { meta, digest, replace })
    return { key, from, to }
  }
  const storePiece = async (of: Growing, to: number) => {
    // The first piece begins with the segment and stands for whatever an earlier receiver left of it.
    const first = of.to === 0
    of.pieces.push({ ...(await putPiece(of.segment, of.to, to, first)), level: 0 })
    of.to = to
    reached(of.segment, to)
    if (first) {
      const kept = of.pieces[0]?.key
      await removePieces(of.earlier.filter(({ key }) => key !== kept))
    }
    await join(of)
  }
  const join = async (of: Growing) => {
    for (;;) {
      const level = of.pieces.at(-1)?.level ?? 0
      const tail = of.pieces.slice(-joinAt)
      const [begin, end] = [tail[0], tail.at(-1)]
      if (tail.length < joinAt || !begin || !end || tail.some((piece) => piece.level !== level)) return
      const joined = await putPiece(of.segment, begin.from, end.to, false)
      of.pieces.splice(-joinAt, joinAt, { ...joined, level: level + 1 })
      await removePieces(tail)
    }
  }
  const growingOf = (segment: Segment): Growing => {
    const same = growing?.segment.timeline === segment.timeline && growing.segment.number === segment.number
    growing = same && growing ? growing : { segment, pieces: [], earlier: options.earlierPieces(segment), to: 0 }
    return growing
  }
  /** Bytes of a segment an earlier receiver stored; a piece that holds less would be a step back. */
  const earlierTo = (of: Growing) => of.earlier.reduce((most, piece) => Math.max(most, piece.to), 0)

  const head = async () => {
    await writeHead(repository, ends)
    headAt = clock.now()
  }

  return {
    stored: () => stored.lsn,
    addMark: (mark) => {
      marks.push(mark)
    },
    newestMark: () => carried,
    follow: (start) => {
      if (start.timeline === stored.timeline) return
      stored = { ...start }
      marks.length = 0
      if (carried && carried.lsn > start.lsn) carried = undefined
    },
    step: async (urgent) => {
      const next = spool.waiting()[0]
      if (!next) return undefined
      // The spool goes on while this waits for the store: what is decided here must rest on one look at it.
      const { segment, synced, closed } = next
      if (closed && synced === segmentBytes) {
        await storeWhole(segment)
      } else {
        const of = growingOf(segment)
        const fresh = synced > of.to && (of.to > 0 || synced >= earlierTo(of))
        if (!fresh && !closed) return undefined
        waitingSince ??= clock.now()
        // A clock that is put back must not hold up what waits.
        if (waitingSince > clock.now()) waitingSince = clock.now()
        const wait = waitingSince + options.pieceEveryMs - clock.now()
        if (fresh && !urgent && !closed && wait > 0) return wait
        if (fresh) await storePiece(of, synced)
        if (closed) await spool.remove(segment)
      }
      if (Math.abs(clock.now() - headAt) >= headEveryMs) await head()
      return 0
    },
    writeHead: head,
  }
}
