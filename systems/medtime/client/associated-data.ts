import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'

/** What a blob is bound to: moved, renamed, set back or declared deleted, it does not open any more. */
export interface Binding {
  user: string
  collection: string
  id: string
  type: string
  version: number
  keyId: string
  deleted: boolean
}

/** The algorithms and the layout of a blob. */
export const suite = 'medtime/1 XChaCha20-Poly1305 HKDF-SHA256 PADME'

export function associatedData(binding: Binding): Uint8Array {
  return joinFields(
    suite,
    binding.user,
    binding.collection,
    binding.id,
    binding.type,
    String(binding.version),
    binding.keyId,
    binding.deleted ? 'deleted' : 'present',
  )
}

/** Fields one after the other, each behind its length as 32 bits: no two lists of fields give the same bytes. */
export function joinFields(...fields: string[]): Uint8Array {
  return concatBytes(
    ...fields.map((field) => {
      const bytes = utf8ToBytes(field)
      const framed = new Uint8Array(4 + bytes.length)
      new DataView(framed.buffer).setUint32(0, bytes.length)
      framed.set(bytes, 4)
      return framed
    }),
  )
}
