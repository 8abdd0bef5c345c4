import { hkdfSync, randomBytes } from 'node:crypto'

/** Bytes of a repository key: it wraps the keys of AES-256-GCM and is as long as they are. */
export const repositoryKeyBytes = 32

/**
 * The keys of one repository, the present one first. Former ones stay for as long as an object they sealed is kept; the last is
 * the one the repository began with, whose fingerprints tell the same content again.
 */
export type KeyRing = readonly [Uint8Array, ...Uint8Array[]]

/** Names a key without telling it: 16 hexadecimal digits, derived one way. It stands in the clear in every object. */
export function keyId(key: Uint8Array): string {
  return Buffer.from(hkdfSync('sha256', key, new Uint8Array(), 'aval repository v1 identity', 8)).toString('hex')
}

export function newRing(): KeyRing {
  return [new Uint8Array(randomBytes(repositoryKeyBytes))]
}

/** A ring whose present key is new. Nothing that was sealed is touched; what is sealed from now on opens with the new key alone. */
export function rotateRing(ring: KeyRing): KeyRing {
  return [new Uint8Array(randomBytes(repositoryKeyBytes)), ...ring]
}

/** One key a line, 64 hexadecimal digits, the present one first. */
export function formatRing(ring: KeyRing): string {
  return `${ring.map((key) => Buffer.from(key).toString('hex')).join('\n')}\n`
}

/** The ring of a text; undefined when it is none. */
export function parseRing(text: string): KeyRing | undefined {
  if (!/^[0-9a-f]{64}(?:\n[0-9a-f]{64})*\n?$/.test(text)) return undefined
  const [first, ...rest] = text.trim().split('\n')
  const bytes = (line: string) => Uint8Array.from(Buffer.from(line, 'hex'))
  return first === undefined ? undefined : [bytes(first), ...rest.map(bytes)]
}
