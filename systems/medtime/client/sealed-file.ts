import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { concatBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { joinFields } from './associated-data.ts'
import { padmeLength } from './padding.ts'
import type { Sealer } from './sealed-entity.ts'

/** Most bytes of a file before it is sealed. */
export const fileLimit = 5 * 1_048_576

/** The collection whose key seals files. */
export const fileCollection = 'files'

/*
 * A sealed file: format byte, length of the key id, key id, 19 random bytes; then chunks of 256 KiB, each followed by its tag. The nonce
 * of a chunk is the random bytes, its number as 32 bits, and 1 for the last one (STREAM, Hoang et al., CRYPTO 2015): chunks can be neither
 * moved nor left out nor cut off. What is sealed is the length as 32 bits, the file, and zeros up to a PADMÉ length.
 */
const format = 1
const chunkBytes = 262_144
const tagBytes = 16
const prefixBytes = 19
const suite = 'medtime/1 file XChaCha20-Poly1305 STREAM PADME'

/**
 * Seals a file, chunk by chunk.
 * @param id of the file; it does not open under another
 * @throws RangeError above 5 MB
 */
export function* sealFile(sealer: Sealer, id: string, file: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  if (file.length > fileLimit) throw new RangeError(`a file may have ${fileLimit} bytes`)
  const { id: keyId, key } = sealer.keys.current(fileCollection)
  const prefix = randomBytes(prefixBytes)
  const name = utf8ToBytes(keyId)
  yield concatBytes(Uint8Array.of(format, name.length), name, prefix)
  const plain = new Uint8Array(padmeLength(4 + file.length))
  new DataView(plain.buffer).setUint32(0, file.length)
  plain.set(file, 4)
  const data = joinFields(suite, sealer.user, id, keyId)
  const chunks = Math.ceil(plain.length / chunkBytes)
  for (let place = 0; place < chunks; place++) {
    const nonce = nonceOf(prefix, place, place === chunks - 1)
    const piece = plain.subarray(place * chunkBytes, (place + 1) * chunkBytes)
    yield Uint8Array.from(xchacha20poly1305(key, nonce, data).encrypt(piece))
  }
}

/**
 * Opens a sealed file while it comes. Whatever is not, to the last byte, what one of this user's devices sealed under this id, is
 * undefined: nothing of it is given out before its end was seen.
 */
export async function openFile(
  sealer: Sealer,
  id: string,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const opened: Uint8Array[] = []
  let rest: Uint8Array = new Uint8Array()
  let head: Head | undefined
  const take = (sealed: Uint8Array, final: boolean): boolean => {
    if (head === undefined) return false
    try {
      const nonce = nonceOf(head.prefix, opened.length, final)
      opened.push(xchacha20poly1305(head.key, nonce, joinFields(suite, sealer.user, id, head.keyId)).decrypt(sealed))
      return true
    } catch {
      return false
    }
  }
  for await (const bytes of source) {
    rest = rest.length === 0 ? bytes : concatBytes(rest, bytes)
    if (head === undefined) {
      if (rest.length < 2 || rest.length < headLength(rest)) continue
      head = readHead(sealer, rest)
      if (head === undefined) return undefined
      rest = rest.subarray(headLength(rest))
    }
    // The last chunk is known by nothing following it.
    while (rest.length > chunkBytes + tagBytes) {
      if (!take(rest.subarray(0, chunkBytes + tagBytes), false)) return undefined
      rest = rest.subarray(chunkBytes + tagBytes)
    }
  }
  if (!take(rest, true)) return undefined
  const plain = concatBytes(...opened)
  if (plain.length < 4) return undefined
  const length = new DataView(plain.buffer, plain.byteOffset).getUint32(0)
  return length > plain.length - 4 ? undefined : plain.slice(4, 4 + length)
}

interface Head {
  keyId: string
  key: Uint8Array
  prefix: Uint8Array
}

function headLength(bytes: Uint8Array): number {
  return 2 + (bytes[1] ?? 0) + prefixBytes
}

function readHead(sealer: Sealer, bytes: Uint8Array): Head | undefined {
  if (bytes[0] !== format) return undefined
  const end = 2 + (bytes[1] ?? 0)
  const keyId = new TextDecoder().decode(bytes.subarray(2, end))
  const key = sealer.keys.find(fileCollection, keyId)
  return key === undefined ? undefined : { keyId, key: key.key, prefix: bytes.slice(end, end + prefixBytes) }
}

function nonceOf(prefix: Uint8Array, place: number, final: boolean): Uint8Array {
  const nonce = new Uint8Array(24)
  nonce.set(prefix)
  new DataView(nonce.buffer).setUint32(prefixBytes, place)
  nonce[23] = final ? 1 : 0
  return nonce
}
