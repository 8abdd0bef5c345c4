import type { Rounds } from './calendar.ts'

/** What is known of a job. Milliseconds since the epoch. */
export interface JobHistory {
  /** When the job was first seen: what came round before that is nobody's to catch up with. */
  firstSeen: number
  /** The newest time that is done with, whether it went well or was given up; undefined when none is. */
  settled: number | undefined
}

/**
 * The time a job is due for, if it is. After a time away only the last one missed is caught up with, since two backups in a row
 * are worth no more than one. A clock that was put back makes nothing due that is settled.
 */
export function dueTime(rounds: Pick<Rounds, 'latest'>, history: JobHistory, now: number): number | undefined {
  const latest = rounds.latest(now)
  if (latest === undefined || latest < history.firstSeen) return undefined
  return history.settled !== undefined && latest <= history.settled ? undefined : latest
}
