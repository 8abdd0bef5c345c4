import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { keyId } from '../../secrets/key-ring.ts'

/*
 * The head of every stored object:
 *
 *   8 bytes   'AVALOBJ1'
 *   4 bytes   length of the header, big-endian
 *   n bytes   header, JSON in UTF-8
 *
 * Everything up to its end, together with the system and the key the object is stored under, is hashed into the associated
 * data of every chunk and of the wrapped key: a changed header, or an object moved to another key, opens as little as a changed chunk.
 */

const magic = Buffer.from('AVALOBJ1', 'ascii')
const maximumHeaderBytes = 65_536
export const headBytes = magic.length + 4

export const chunkBytes = 262_144

const headerSchema = z.strictObject({
  codec: z.enum(['zstd', 'none']),
  /** Names the repository key without telling it. */
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  /** Bytes of text in a chunk. */
  chunk: z.int().min(4096).max(1_048_576),
  /** Nonce (12), wrapped object key (32) and tag (16) under the repository's wrapping key, base64. */
  wrapped: z.base64().length(80),
  meta: z.record(z.string(), z.string()),
})
export type ObjectHeader = z.infer<typeof headerSchema>

/** What is derived from a repository key; the key itself encrypts nothing. */
export interface RepositoryKeys {
  wrapping: Uint8Array
  digest: Uint8Array
  /** 16 hexadecimal digits. */
  id: string
}

export function deriveKeys(repositoryKey: Uint8Array): RepositoryKeys {
  const derive = (purpose: string, length: number) =>
    new Uint8Array(hkdfSync('sha256', repositoryKey, new Uint8Array(), `aval repository v1 ${purpose}`, length))
  return {
    wrapping: derive('wrapping', 32),
    digest: derive('digest', 32),
    id: keyId(repositoryKey),
  }
}

/** Where an object belongs; the same bytes elsewhere do not open. */
export interface ObjectPlace {
  system: string
  key: string
}

export interface SealedHead {
  bytes: Uint8Array
  objectKey: Uint8Array
  associated: Uint8Array
}

/** Makes the head of a new object with a random key of its own. */
export function sealHead(
  keys: RepositoryKeys,
  place: ObjectPlace,
  options: { codec: ObjectHeader['codec']; meta: Record<string, string> },
): SealedHead {
  const objectKey = randomBytes(32)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keys.wrapping, nonce)
  cipher.setAAD(placeBytes(place))
  const wrapped = Buffer.concat([nonce, cipher.update(objectKey), cipher.final(), cipher.getAuthTag()])
  const header: ObjectHeader = {
    codec: options.codec,
    keyId: keys.id,
    chunk: chunkBytes,
    wrapped: wrapped.toString('base64'),
    meta: options.meta,
  }
  const json = Buffer.from(JSON.stringify(header), 'utf8')
  if (json.length > maximumHeaderBytes) throw new RangeError(`header of ${json.length} bytes`)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  const bytes = Buffer.concat([magic, length, json])
  return { bytes, objectKey, associated: associate(place, bytes) }
}

export class HeadError extends Error {
  override readonly name: string = 'HeadError'
}

/** Nothing is wrong with the object: it opens with a key that was not brought. */
export class OtherKeyError extends HeadError {
  /** Ids of the key it was sealed with, and of those at hand. */
  readonly sealedWith: string
  readonly held: readonly string[]
  readonly object: string

  constructor(object: string, sealedWith: string, held: readonly string[]) {
    super(`it was written with key ${sealedWith}, not ${held.join(' or ')}`)
    this.object = object
    this.sealedWith = sealedWith
    this.held = held
  }
}

/** Length of the header that follows the first `headBytes`. */
export function headerLength(head: Buffer): number {
  if (head.length < headBytes) throw new HeadError('it is shorter than the head of an object')
  if (!head.subarray(0, magic.length).equals(magic)) throw new HeadError('it does not begin as an object of Aval does')
  const length = head.readUInt32BE(magic.length)
  if (length > maximumHeaderBytes) throw new HeadError('the length of its header is impossible')
  return length
}

/** Reads a header without proving anything: who wrote it is known only once a chunk under it has opened. */
export function parseHeader(json: Uint8Array): ObjectHeader {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch {
    throw new HeadError('its header is not readable')
  }
  const parsed = headerSchema.safeParse(value)
  if (!parsed.success) throw new HeadError('its header is not a header')
  return parsed.data
}

/** Unwraps the object's key and gives what its chunks open with. */
export function openHead(
  ring: ReadonlyMap<string, RepositoryKeys>,
  place: ObjectPlace,
  headWithHeader: Uint8Array,
  header: ObjectHeader,
): { objectKey: Uint8Array; associated: Uint8Array } {
  const open = (keys: RepositoryKeys) => unwrap(keys, place, header.wrapped)
  const keys = ring.get(header.keyId)
  if (!keys) {
    // The name of the key is proven by nothing: where a key at hand opens the object, it is the name that was changed.
    if ([...ring.values()].some((each) => open(each) !== undefined))
      throw new HeadError('the name of its key was changed')
    throw new OtherKeyError(place.key, header.keyId, [...ring.keys()])
  }
  const objectKey = open(keys)
  if (!objectKey) throw new HeadError('its key does not open: it was changed, or it belongs to another place')
  return { objectKey, associated: associate(place, headWithHeader) }
}

/** The object's own key; undefined when it was not wrapped with this key for this place. */
function unwrap(keys: RepositoryKeys, place: ObjectPlace, text: string): Uint8Array | undefined {
  const wrapped = Buffer.from(text, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', keys.wrapping, wrapped.subarray(0, 12))
  decipher.setAAD(placeBytes(place))
  decipher.setAuthTag(wrapped.subarray(44))
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(12, 44)), decipher.final()])
  } catch {
    return undefined
  }
}

function placeBytes({ system, key }: ObjectPlace): Uint8Array {
  return Buffer.from(`${system}\n${key}`, 'utf8')
}

function associate(place: ObjectPlace, headWithHeader: Uint8Array): Uint8Array {
  const where = placeBytes(place)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(where.length)
  return createHash('sha256').update(length).update(where).update(headWithHeader).digest()
}
