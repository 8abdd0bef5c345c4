import { type Lsn, parseLsn } from './lsn.ts'

/** A stretch of one timeline that a server's history runs through: from the end of the one before to `end`. */
export interface HistoryEntry {
  timeline: number
  /** Where the next timeline branched off. */
  end: Lsn
  /** When recovery stopped at a moment: the time of the first commit it left out, milliseconds since the epoch with a fraction. */
  leftOut?: number | undefined
}

/** Reads a timeline history file: one line an ancestor, oldest first. */
export function parseHistory(text: string): HistoryEntry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)\s*(.*)/.exec(line)
    if (!match?.[1] || !match[2]) return []
    return [{ timeline: Number(match[1]), end: parseLsn(match[2]), leftOut: leftOutBy(match[3] ?? '') }]
  })
}

/** The reason as Postgres writes it: `before 2026-02-03 04:05:06.789012+00`. */
function leftOutBy(reason: string): number | undefined {
  const match = /^before (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d)(?::?(\d\d))?/.exec(reason)
  if (!match) return undefined
  const [, day, time, fraction = '', hours, minutes = '00'] = match
  const second = Date.parse(`${day}T${time}${hours}:${minutes}`)
  return Number.isNaN(second) ? undefined : second + Number(`0${fraction}`) * 1000
}

/** The timelines a server on `timeline` went through, oldest first; the last has no end. */
export interface LineStretch {
  timeline: number
  start: Lsn
  end: Lsn | undefined
  /** Of a stretch that was left by a recovery to a moment: the time of the first commit the next one does not have. */
  leftOut?: number | undefined
}

/** The way from the beginning to a timeline, given its history file (none for the first). */
export function lineTo(timeline: number, history: string | undefined): LineStretch[] {
  const line: LineStretch[] = []
  let start: Lsn = 0n
  for (const entry of history === undefined ? [] : parseHistory(history)) {
    line.push({ ...entry, start })
    start = entry.end
  }
  return [...line, { timeline, start, end: undefined }]
}
