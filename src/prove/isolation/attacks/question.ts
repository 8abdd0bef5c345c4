import type { Actor } from '../attempt.ts'
import type { Hole } from '../hole.ts'

/** Something an actor says, whose answer may not depend on the rows of another. */
export interface Question {
  actor: Actor
  on: string
  way: Hole['way']
  sql: string
  /** Done by the superuser before. */
  before?: string
  /** Whether it gives back a cursor. */
  cursor?: boolean
  /** Whether it may change something, so that rows of another are looked at after it. */
  touches: boolean
  /** As a person reads it, without values. */
  statement: string
  what: string
  remedy: string
}

/** Whoever asks may have the server read whole tables, so that what an index would have left out is looked at as well. */
export const wholeTables =
  'SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off'
