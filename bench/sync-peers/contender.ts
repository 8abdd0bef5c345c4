import type { Call } from '../sync/load.ts'
import type { Blob } from './blob.ts'

/** A version of an entity; the first one is 1. */
export interface Entity {
  id: string
  version: number
  blob: Blob
}

/** A user as one device of theirs. */
export interface Account {
  /**
   * Writes entities in one request, each over the version that the device knows: what its pushes were acknowledged for. The call's `done`
   * notes the answer, and throws when it tells of a conflict.
   */
  push(entities: readonly Entity[]): Call
  /** Asks for what came after a moment, at most so many; without one from the start. */
  pull(limit: number, after?: string): Call
  /** A moment after everything that was acknowledged so far, in the terms of the server. */
  now(): Promise<string>
}

export interface Contender {
  name: string
  version: string
  /** Where a push is by the time it is acknowledged. Only what is on disk is a measure for MedTime; what is in memory shall be outdone as well. */
  keeps: 'on disk' | 'left to the system' | 'in memory'
  /** What a request costs it, in words: how it knows the user, what it commits, what it compares, how a pull goes. */
  work: { knows: string; commits: string; compares: string; pulls: string }
  address: string
  /** So many users who hold nothing yet. */
  accounts(count: number): Promise<Account[]>
  /** Blobs of the entities in an answer to a pull, in base64. */
  read(answer: Uint8Array): string[]
  /** The processes that work for it, those of its database included. */
  processes(): Promise<number[]>
  stop(): Promise<void>
}
