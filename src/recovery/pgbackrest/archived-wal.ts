import { z } from 'zod'
import { failure } from '../../errors.ts'
import { formatLsn, parseSegmentName, segmentName, segmentStart } from '../wal/lsn.ts'
import type { KeptMark } from './kept-mark.ts'
import type { Stanza } from './stanza.ts'

const listing = z.record(z.string(), z.object({ type: z.string() }))

/** Names of the WAL segments in the repository, in order. */
export async function archivedSegments(stanza: Stanza): Promise<string[]> {
  const text = await stanza.run(['repo-ls', '--recurse', '--output=json', `archive/${stanza.name}`])
  const names = Object.keys(listing.parse(JSON.parse(text))).flatMap((path) => {
    const name = /(?:^|\/)([0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?$/.exec(path)?.[1]
    return name === undefined ? [] : [name]
  })
  return [...new Set(names)].sort()
}

/**
 * The first segment that is missing on the way from one segment on, along its timeline and those after it; its own verification does not look
 * for holes.
 * @param mark whose segment must be there as well: without it the end was cut off.
 */
export function findHole(
  segments: readonly string[],
  from: string,
  walSegmentBytes: number,
  mark: KeptMark | undefined,
): string | undefined {
  const there = new Set(segments)
  const first = parseSegmentName(from, walSegmentBytes)
  if (!first || !there.has(from)) return from
  const timelines = new Map<number, bigint[]>()
  // Names sort as the segments do.
  for (const name of [...segments, ...(mark ? [mark.segment] : [])].sort()) {
    const segment = parseSegmentName(name, walSegmentBytes)
    if (!segment || segment.timeline < first.timeline || segment.number < first.number) continue
    const numbers = timelines.get(segment.timeline)
    if (numbers) numbers.push(segment.number)
    else timelines.set(segment.timeline, [segment.number])
  }
  for (const [timeline, numbers] of timelines) {
    const [low = 0n, high = -1n] = [numbers[0], numbers.at(-1)]
    for (let number = low; number <= high; number++) {
      const name = segmentName({ timeline, number }, walSegmentBytes)
      if (!there.has(name)) return name
    }
  }
  return undefined
}

/** @throws RESTORE_WAL_MISSING naming the first segment that is not there. */
export function requireWal(hole: string | undefined, walSegmentBytes: number): void {
  if (hole === undefined) return
  const segment = parseSegmentName(hole, walSegmentBytes)
  const from = segment ? formatLsn(segmentStart(segment, walSegmentBytes)) : hole
  throw failure('RESTORE_WAL_MISSING', { from, segment: hole })
}
