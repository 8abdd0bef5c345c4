import { failure } from '../../errors.ts'
import type { StoreAbilities } from './abilities.ts'

/**
 * Bytes that arrive piece by piece; whoever produces them waits for whoever takes them. A piece is valid until the next is asked for:
 * its memory may be used again then, so that who keeps one copies it.
 */
export type ByteStream = AsyncIterable<Uint8Array>

export interface StoredEntry {
  key: string
  /** Bytes in the store. */
  size: number
}

/**
 * A place that keeps named objects. Nothing here appends, renames or writes in the middle, so that an object store can stand
 * behind it as well as a directory: an object is there whole or not at all.
 */
export interface Store {
  /** Where it is, for people. */
  readonly place: string
  /**
   * Keeps an object durably: when the promise resolves it survives a loss of power.
   * @param options.ifAbsent never replaces: resolves with `exists` when another writer came first.
   */
  put(key: string, content: ByteStream, options: { ifAbsent: boolean }): Promise<PutResult>
  /** The bytes of an object, or undefined when there is none. */
  get(key: string): Promise<ByteStream | undefined>
  stat(key: string): Promise<StoredEntry | undefined>
  /** Every object whose key starts with the prefix, in the order of their keys. */
  list(prefix: string): AsyncIterable<StoredEntry>
  /** Removes an object; one that is not there is no error. */
  delete(key: string): Promise<void>
  /** Tries what the place can do beyond this; `probeStore` calls it. */
  probe?(): Promise<StoreAbilities>
}

export interface PutResult {
  outcome: 'stored' | 'exists'
  /** Bytes written; 0 when it existed. */
  size: number
}

const keyPattern = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/

/** Refuses a key that could leave the store or that some store cannot keep. */
export function checkKey(key: string): void {
  if (!keyPattern.test(key) || key.length > 512) throw failure('STORE_KEY_INVALID', { key })
}
