import { createHash, randomBytes } from 'node:crypto'

/** What a sealed entity may weigh: a dose or a medicine of a few fields. */
export const blobBytes = 300

/** Ciphertext to everybody here; sealing is the clients' work, and not what is measured. */
export interface Blob {
  bytes: Uint8Array<ArrayBuffer>
  base64: string
  sha256: string
}

const blobs: Blob[] = Array.from({ length: 200 }, newBlob)
let taken = 0

export function newBlob(): Blob {
  const bytes = new Uint8Array(randomBytes(blobBytes))
  return {
    bytes,
    base64: Buffer.from(bytes).toString('base64'),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }
}

/** One of a few blobs made before. */
export function anyBlob(): Blob {
  return blobs[taken++ % blobs.length] ?? newBlob()
}
