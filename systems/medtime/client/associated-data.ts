import { utf8ToBytes } from '@noble/hashes/utils.js'

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
  // A character takes at most three bytes of UTF-8, a pair of surrogates four.
  const room = new Uint8Array(fields.reduce((sum, field) => sum + 4 + 3 * field.length, 0))
  const view = new DataView(room.buffer)
  let end = 0
  for (const field of fields) {
    const length = writeText(field, room, end + 4)
    view.setUint32(end, length)
    end += 4 + length
  }
  return room.slice(0, end)
}

/** Nearly every field is ASCII, and is copied without a call to an encoder: every version that is opened comes by here. */
function writeText(text: string, room: Uint8Array, start: number): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code >= 0x80) {
      const bytes = utf8ToBytes(text)
      room.set(bytes, start)
      return bytes.length
    }
    room[start + index] = code
  }
  return text.length
}
