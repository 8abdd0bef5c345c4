import { type Lsn, segmentAt, segmentStart } from './lsn.ts'
import type { LineStretch } from './timeline-history.ts'

export interface StartPoint {
  timeline: number
  lsn: Lsn
}

export interface StartFacts {
  /** The way the server's history took, ending with its present timeline. */
  line: readonly LineStretch[]
  segmentBytes: number
  /** The end of what this process received; streaming goes on at that very byte. */
  received: StartPoint | undefined
  /** The end of what is stored of a timeline. */
  stored: (timeline: number) => Lsn | undefined
  /** The oldest WAL the server keeps for us. */
  kept: Lsn
}

/**
 * Where to begin streaming: at the byte after the last one received; else at the beginning of the segment that the repository
 * holds only a part of; else with the oldest WAL the server keeps. A timeline that branched off before the end of what is
 * stored begins with the segment in which it did, which Postgres writes anew under the new timeline's name.
 */
export function startPoint({ line, segmentBytes, received, stored, kept }: StartFacts): StartPoint {
  const onLine = (timeline: number) => line.find((stretch) => stretch.timeline === timeline)
  const beginningOf = (timeline: number, lsn: Lsn): StartPoint => ({
    timeline,
    lsn: segmentStart(segmentAt(timeline, lsn, segmentBytes), segmentBytes),
  })
  const after = (stretch: LineStretch, lsn: Lsn): StartPoint | undefined => {
    if (stretch.end === undefined || lsn < stretch.end) return undefined
    const next = line[line.indexOf(stretch) + 1]
    return next && beginningOf(next.timeline, next.start)
  }

  const present = received && onLine(received.timeline)
  if (received && present) return after(present, received.lsn) ?? received
  for (const stretch of [...line].reverse()) {
    const end = stored(stretch.timeline)
    if (end !== undefined) return after(stretch, end) ?? beginningOf(stretch.timeline, end)
  }
  const holding = line.findLast(({ start }) => start <= kept) ?? line[0]
  return beginningOf(holding?.timeline ?? 1, kept)
}
