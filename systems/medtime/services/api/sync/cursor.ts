import { createHmac, timingSafeEqual } from 'node:crypto'

/** A place in the changes of one user. */
export interface Position {
  epoch: number
  /** Number of the last change before it. */
  sequence: number
}

export interface Cursors {
  issue(user: string, position: Position): string
  /** The position of a cursor of this user; undefined when it is damaged, made up, or somebody else's. */
  read(user: string, cursor: string): Position | undefined
}

const formatVersion = 1
const macBytes = 16
const bodyBytes = 17
const tokenLength = Math.ceil(((bodyBytes + macBytes) * 8) / 6)

/**
 * Cursors: format version, epoch and number, then an HMAC-SHA-256 cut to 128 bits over these and the user; base64url. The
 * user is in the HMAC only, so that a cursor tells nothing about whose it is.
 * @param key 32 bytes, the same for every instance
 */
export function createCursors(key: Uint8Array): Cursors {
  const mac = (user: string, body: Uint8Array) =>
    createHmac('sha256', key).update('medtime cursor\0').update(user).update(body).digest().subarray(0, macBytes)
  return {
    issue: (user, { epoch, sequence }) => {
      const body = Buffer.alloc(bodyBytes)
      body.writeUInt8(formatVersion, 0)
      body.writeBigUInt64BE(BigInt(epoch), 1)
      body.writeBigUInt64BE(BigInt(sequence), 9)
      return Buffer.concat([body, mac(user, body)]).toString('base64url')
    },
    read: (user, cursor) => {
      if (cursor.length !== tokenLength) return undefined
      const token = Buffer.from(cursor, 'base64url')
      if (token.length !== bodyBytes + macBytes || token.toString('base64url') !== cursor) return undefined
      const body = token.subarray(0, bodyBytes)
      if (!timingSafeEqual(mac(user, body), token.subarray(bodyBytes))) return undefined
      if (body.readUInt8(0) !== formatVersion) return undefined
      return { epoch: Number(body.readBigUInt64BE(1)), sequence: Number(body.readBigUInt64BE(9)) }
    },
  }
}
