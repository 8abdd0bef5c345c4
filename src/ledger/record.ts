import { createHash, type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { canonicalJson } from '../plan/canonical-json.ts'

/** One row of the ledger. Evidence is the only kind so far; the kind is part of what is signed. */
export const recordSchema = z.strictObject({
  /** Counts from 1 without gaps. */
  sequence: z.int().positive(),
  kind: z.literal('evidence'),
  /** When it was written, RFC 3339. */
  at: z.iso.datetime(),
  /** Canonical JSON. */
  body: z.string(),
  /** Hash of the record before; of the first, `genesis`. */
  previous: z.string(),
  /** SHA-256 over everything above, hex. */
  hash: z.string(),
  /** Ed25519 over the hash, base64. */
  signature: z.string(),
})

export type LedgerRecord = z.infer<typeof recordSchema>
export type RecordContent = Omit<LedgerRecord, 'hash' | 'signature'>

/** What the first record follows: it ties the chain to one key. */
export function genesis(keyFingerprint: string): string {
  return createHash('sha256').update(`aval ledger 1 ${keyFingerprint}`).digest('hex')
}

/** The hash a record of this content must have. */
export function hashOf({ sequence, kind, at, body, previous }: RecordContent): string {
  return createHash('sha256').update(canonicalJson({ sequence, kind, at, body, previous })).digest('hex')
}

export function signRecord(content: RecordContent, key: KeyObject): LedgerRecord {
  const hash = hashOf(content)
  return { ...content, hash, signature: sign(null, signedText('record', hash), key).toString('base64') }
}

/** Whether a record is as it was signed. Says nothing of its neighbours. */
export function recordIsSound(record: LedgerRecord, key: KeyObject): boolean {
  return hashOf(record) === record.hash && signatureFits('record', record.hash, record.signature, key)
}

/** What is signed, told apart by purpose so that a signature of one thing is never taken for another's. */
export function signedText(purpose: 'record' | 'head', text: string): Buffer {
  return Buffer.from(`aval ledger ${purpose} 1\n${text}`)
}

export function signatureFits(purpose: 'record' | 'head', text: string, signature: string, key: KeyObject): boolean {
  const bytes = Buffer.from(signature, 'base64')
  // Base64 is read leniently: only the one way of writing these bytes is the signature that was written.
  return bytes.toString('base64') === signature && verify(null, signedText(purpose, text), key, bytes)
}
