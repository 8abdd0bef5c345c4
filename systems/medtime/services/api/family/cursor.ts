import { hkdfSync, randomBytes } from 'node:crypto'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import type { Cursors } from '../sync/cursor.ts'

const nonceBytes = 24
const bodyBytes = 24
const tagBytes = 16

/**
 * Cursors that tell their holder nothing: epoch, number and floor, sealed with XChaCha20-Poly1305 under a key of their own. The number
 * counts every change of the supervised, and how much somebody writes that is not shared is nobody else's business.
 * @param key of all cursors, 32 bytes
 */
export function createFamilyCursors(key: Uint8Array): Cursors {
  const own = new Uint8Array(hkdfSync('sha256', key, '', 'medtime family cursor', 32))
  const cipher = (holder: string, nonce: Uint8Array) => xchacha20poly1305(own, nonce, Buffer.from(holder))
  return {
    issue: (holder, { epoch, sequence, floor = 0 }) => {
      const body = Buffer.alloc(bodyBytes)
      for (const [index, number] of [epoch, sequence, floor].entries()) body.writeBigUInt64BE(BigInt(number), index * 8)
      const nonce = randomBytes(nonceBytes)
      return Buffer.concat([nonce, cipher(holder, nonce).encrypt(body)]).toString('base64url')
    },
    read: (holder, cursor) => {
      const token = Buffer.from(cursor, 'base64url')
      if (token.length !== nonceBytes + bodyBytes + tagBytes || token.toString('base64url') !== cursor) return undefined
      try {
        const body = Buffer.from(cipher(holder, token.subarray(0, nonceBytes)).decrypt(token.subarray(nonceBytes)))
        const [epoch = 0, sequence = 0, floor = 0] = [0, 8, 16].map((at) => Number(body.readBigUInt64BE(at)))
        return { epoch, sequence, floor }
      } catch {
        // The tag does not fit: damaged, made up, or of somebody else.
        return undefined
      }
    },
  }
}
