/** What pgBackRest says of a backup beside what every engine says. */
export interface PgBackRestBackup {
  /** Its own name of the backup: `20260203-040506F`, with `_...D` or `_...I` for what builds on it. */
  label: string
  /** Backups this one needs, by their names. */
  references: readonly string[]
  timeline: number
  startLsn: string
  stopLsn: string
  walStart: string
  walStop: string
}
