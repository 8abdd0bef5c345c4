/** What pgBackRest says of a backup beside what every engine says. */
export interface PgBackRestBackup {
  /** Names of the backups this one builds on. */
  references: readonly string[]
  timeline: number
  startLsn: string
  stopLsn: string
  /** Names of the first and the last WAL segment it needs. */
  walStart: string
  walStop: string
}
