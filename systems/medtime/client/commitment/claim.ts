import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import type { EntityRecord } from '../local-store.ts'
import type { SealedEntity } from '../sealed-entity.ts'

/**
 * A device vouches for an entity: the server acknowledged this version of it, and so shows this one or a later one ever after. Version 0
 * takes back what was said of the entity before, as a restore of the server may require.
 */
export interface Claim {
  id: string
  version: number
  deleted: boolean
  /** The first 12 bytes of the version's checksum, hex. */
  checksum: string
}

/** Bytes of a claim: id 16, version 4 with the deletion in its highest bit, checksum 12. */
export const claimLength = 32
const deletedBit = 2 ** 31

export function claimOf({ id, version, deleted, checksum }: SealedEntity): Claim {
  return { id, version, deleted, checksum: checksum.slice(0, 24) }
}

export function withdrawal(id: string): Claim {
  return { id, version: 0, deleted: false, checksum: '0'.repeat(24) }
}

/** What a device finds of a claim of another. */
export type Finding =
  | 'contained'
  /** The server shows an older version. */
  | 'withheld'
  /** The server shows nothing of it. It may have been deleted since, and its tombstone be cleared away. */
  | 'absent'
  /** The server shows another content under the same version: it keeps two histories. */
  | 'split'

export function compare(claim: Claim, record: EntityRecord | undefined): Finding {
  const held = record?.confirmed?.sealed
  if (claim.version === 0) return 'contained'
  if (held === undefined) return claim.deleted ? 'contained' : 'absent'
  if (held.version < claim.version) return 'withheld'
  return held.version > claim.version || held.checksum.startsWith(claim.checksum) ? 'contained' : 'split'
}

export function encodeClaims(claims: readonly Claim[]): Uint8Array {
  const bytes = new Uint8Array(claims.length * claimLength)
  const view = new DataView(bytes.buffer)
  for (const [index, { id, version, deleted, checksum }] of claims.entries()) {
    const start = index * claimLength
    bytes.set(hexToBytes(id.replaceAll('-', '')), start)
    view.setUint32(start + 16, version + (deleted ? deletedBit : 0))
    bytes.set(hexToBytes(checksum), start + 20)
  }
  return bytes
}

/** @throws RangeError when the bytes are not whole claims */
export function decodeClaims(bytes: Uint8Array): Claim[] {
  if (bytes.length % claimLength !== 0) throw new RangeError('not a list of claims')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / claimLength }, (_, index) => {
    const start = index * claimLength
    const version = view.getUint32(start + 16)
    return {
      id: uuidOf(bytes.subarray(start, start + 16)),
      version: version % deletedBit,
      deleted: version >= deletedBit,
      checksum: bytesToHex(bytes.subarray(start + 20, start + claimLength)),
    }
  })
}

/** 16 bytes as a UUID is written. */
export function uuidOf(bytes: Uint8Array): string {
  return bytesToHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
