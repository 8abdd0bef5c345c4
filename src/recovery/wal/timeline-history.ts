import { type Lsn, parseLsn } from './lsn.ts'

/** A stretch of one timeline that a server's history runs through: from the end of the one before to `end`. */
export interface HistoryEntry {
  timeline: number
  /** Where the next timeline branched off. */
  end: Lsn
}

/** Reads a timeline history file: one line an ancestor, oldest first. */
export function parseHistory(text: string): HistoryEntry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line)
    return match?.[1] && match[2] ? [{ timeline: Number(match[1]), end: parseLsn(match[2]) }] : []
  })
}

/** The timelines a server on `timeline` went through, oldest first; the last has no end. */
export interface LineStretch {
  timeline: number
  start: Lsn
  end: Lsn | undefined
}

/** The way from the beginning to a timeline, given its history file (none for the first). */
export function lineTo(timeline: number, history: string | undefined): LineStretch[] {
  const line: LineStretch[] = []
  let start: Lsn = 0n
  for (const entry of history === undefined ? [] : parseHistory(history)) {
    line.push({ timeline: entry.timeline, start, end: entry.end })
    start = entry.end
  }
  return [...line, { timeline, start, end: undefined }]
}
