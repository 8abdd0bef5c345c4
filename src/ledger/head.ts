import { type KeyObject, sign } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { canonicalJson } from '../plan/canonical-json.ts'
import { fingerprint } from './key.ts'
import { signatureFits, signedText } from './record.ts'

/*
 * A chain of hashes does not see its own end cut off. The head says, signed and outside the file of records, how many
 * records there are and which is the last. It is replaced after a record is committed and before the record is acknowledged:
 * the records may run ahead of it by what a crash left unacknowledged, never the other way round.
 */

const headSchema = z.strictObject({
  count: z.int().nonnegative(),
  /** Hash of the last record; of an empty ledger, `genesis`. */
  hash: z.string(),
  /** Fingerprint of the key that signed it. */
  key: z.string(),
  signature: z.string(),
})

export type Head = z.infer<typeof headSchema>

export function headFile(directory: string): string {
  return join(directory, 'ledger.head')
}

export function signHead(count: number, hash: string, key: { private: KeyObject; public: KeyObject }): Head {
  const content = { count, hash, key: fingerprint(key.public) }
  const signature = sign(null, signedText('head', canonicalJson(content)), key.private).toString('base64')
  return { ...content, signature }
}

export function headIsSound({ signature, ...content }: Head, key: KeyObject): boolean {
  return content.key === fingerprint(key) && signatureFits('head', canonicalJson(content), signature, key)
}

/** The head as it lies there; 'unreadable' when it is not one. */
export function readHead(directory: string): Head | 'missing' | 'unreadable' {
  let text: string
  try {
    text = readFileSync(headFile(directory), 'utf8')
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'missing' : 'unreadable'
  }
  try {
    return headSchema.parse(JSON.parse(text))
  } catch {
    return 'unreadable'
  }
}

/** Replaces the head in one step that survives a power cut. Whoever calls holds the ledger's write lock. */
export function writeHead(directory: string, head: Head): void {
  const file = headFile(directory)
  const draft = `${file}.new`
  const descriptor = openSync(draft, 'w', 0o644)
  try {
    writeSync(descriptor, `${JSON.stringify(head)}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(draft, file)
  const folder = openSync(directory, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
