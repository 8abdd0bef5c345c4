import { createHmac, timingSafeEqual } from 'node:crypto'

/** A place in the changes of one user. */
export interface Position {
  epoch: number
  /** Number of the last change before it. */
  sequence: number
  /** The user's floor when the cursor was issued: tombstones up to that number may have been removed; 0 unless told. */
  floor?: number
}

export interface Cursors {
  issue(user: string, position: Position): string
  /** The position of a cursor of this user; undefined when it is damaged, made up, or somebody else's. */
  read(user: string, cursor: string): Position | undefined
}

/** Version 1 had no floor. */
const formatVersion = 2
const macBytes = 16
const bodyBytes: ReadonlyMap<number, number> = new Map([
  [1, 17],
  [formatVersion, 25],
])
const longestToken = 100

/**
 * Cursors: format version, epoch, number and floor, then an HMAC-SHA-256 cut to 128 bits over these and the user; base64url. The
 * user is in the HMAC only, so that a cursor tells nothing about whose it is.
 * @param key 32 bytes, the same for every instance
 */
export function createCursors(key: Uint8Array): Cursors {
  const mac = (user: string, body: Uint8Array) =>
    createHmac('sha256', key).update('medtime cursor\0').update(user).update(body).digest().subarray(0, macBytes)
  return {
    issue: (user, { epoch, sequence, floor = 0 }) => {
      const body = Buffer.alloc(25)
      body.writeUInt8(formatVersion, 0)
      body.writeBigUInt64BE(BigInt(epoch), 1)
      body.writeBigUInt64BE(BigInt(sequence), 9)
      body.writeBigUInt64BE(BigInt(floor), 17)
      return Buffer.concat([body, mac(user, body)]).toString('base64url')
    },
    read: (user, cursor) => {
      if (cursor.length > longestToken) return undefined
      const token = Buffer.from(cursor, 'base64url')
      const length = bodyBytes.get(token[0] ?? 0)
      if (length === undefined || token.length !== length + macBytes) return undefined
      if (token.toString('base64url') !== cursor) return undefined
      const body = token.subarray(0, length)
      if (!timingSafeEqual(mac(user, body), token.subarray(length))) return undefined
      return {
        epoch: Number(body.readBigUInt64BE(1)),
        sequence: Number(body.readBigUInt64BE(9)),
        floor: length > 17 ? Number(body.readBigUInt64BE(17)) : 0,
      }
    },
  }
}
