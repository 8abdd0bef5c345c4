import type { Lsn } from '../wal/lsn.ts'
import type { LineStretch } from '../wal/timeline-history.ts'
import type { Keep, RetentionPolicy } from './rules.ts'

/** A complete backup, as far as keeping is concerned. */
export interface BackupFacts {
  id: string
  label: string
  /** The rule that took it; undefined for one taken by hand. */
  rule?: string | undefined
  /** A time of its own, which goes before the rule's. */
  keep?: Keep | undefined
  /** The backup it holds the difference to. */
  parent?: string | undefined
  /** What the last verification found; undefined before the first. */
  sound?: boolean | undefined
  /** Rows without files: it needs no WAL and leads to no later moment. Its positions are 0. */
  dump?: true
  timeline: number
  start: Lsn
  stop: Lsn
  /** Milliseconds since the epoch. */
  startedAt: number
  stoppedAt: number
}

/** A WAL segment in the store. */
export interface SegmentFacts {
  timeline: number
  number: bigint
  /** The newest moment known to be in it; undefined when it holds no mark or was not asked. */
  until?: number | undefined
}

export interface WalFacts {
  segmentBytes: number
  /** The way to the newest timeline, oldest stretch first. */
  line: readonly LineStretch[]
  /** By timeline and number, ascending. */
  segments: readonly SegmentFacts[]
}

export interface Hold {
  backup: string
  reason: string
  /** When it ends by itself. */
  until?: number | undefined
}

/** A restore at work: what it reads stays until it ends or its mark does. */
export interface RunningRestore {
  backup: string
  /** The WAL it reads. */
  from: Lsn
  to: Lsn
  expiresAt: number
}

export interface RetentionFacts extends RetentionPolicy {
  backups: readonly BackupFacts[]
  wal: WalFacts
  holds: readonly Hold[]
  runningRestores: readonly RunningRestore[]
  now: number
}
