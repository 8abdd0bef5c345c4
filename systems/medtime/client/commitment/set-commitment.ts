import { blake3 } from '@noble/hashes/blake3.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { SealedEntity } from '../sealed-entity.ts'

/** What one set of versions comes to: how many they are, and the sum of their keyed hashes as eight numbers of 32 bits. */
export interface SetCommitment {
  count: number
  sum: Uint32Array
}

/** The labels that make a version what it is; its content is in the checksum. */
export type Element = Pick<SealedEntity, 'id' | 'type' | 'version' | 'deleted' | 'checksum'>

export const emptySet: SetCommitment = { count: 0, sum: new Uint32Array(8) }

/**
 * Grows a commitment to a set of versions one version at a time, whatever the order: adding and taking away are one hash and eight
 * additions each. The hash is keyed with what only the user's devices have (a keyed sum after Clarke et al., ASIACRYPT 2003): who
 * does not know the key cannot look for two sets of one sum, and the chance that two sets share one is 2^-256.
 *
 * @param key 32 bytes
 */
export function createSetHash(key: Uint8Array) {
  const add = (sum: Uint32Array, element: Element, sign: 1 | -1): void => {
    const digest = blake3(utf8ToBytes(nameOf(element)), { key })
    const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength)
    // A typed array of 32 bits keeps the remainder: each number is a sum modulo 2^32.
    for (let lane = 0; lane < 8; lane++) sum[lane] = (sum[lane] ?? 0) + sign * view.getUint32(lane * 4, true)
  }
  /** The set after one version took the place of another; undefined where there was none, or is none any more. */
  return (set: SetCommitment, before: Element | undefined, after: Element | undefined): SetCommitment => {
    const sum = set.sum.slice()
    if (before !== undefined) add(sum, before, -1)
    if (after !== undefined) add(sum, after, 1)
    return { count: set.count + (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1), sum }
  }
}

export type SetHash = ReturnType<typeof createSetHash>

/** As text, and equal exactly when the sets are. */
export function textOf({ count, sum }: SetCommitment): string {
  const bytes = new Uint8Array(32)
  const view = new DataView(bytes.buffer)
  for (const [lane, value] of sum.entries()) view.setUint32(lane * 4, value, true)
  return `${count}.${bytesToHex(bytes)}`
}

/** Each field behind its length: no two versions have one name. One string is encoded at once, which five fields are not. */
function nameOf({ id, type, version, deleted, checksum }: Element): string {
  return `${id.length}:${id}${type.length}:${type}${version}${deleted ? '-' : '+'}${checksum}`
}
