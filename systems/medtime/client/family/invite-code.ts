import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { fromBase64, toBase64 } from '../base64.ts'

/** What is handed to the supervisor outside the server: read from a screen, or sent by a messenger. */
export interface InviteCode {
  supervised: string
  invite: string
  /** 32 bytes; whoever has them may accept. */
  secret: Uint8Array
  commitment: Uint8Array
}

const prefix = 'medtime-family-1.'
const lengths = { id: 16, bytes: 32 }
const total = 2 * lengths.id + 2 * lengths.bytes

/** One line of letters, digits, `.`, `-` and `_`, short enough for a QR code. */
export function writeInviteCode({ supervised, invite, secret, commitment }: InviteCode): string {
  const bytes = concatBytes(bytesOfId(supervised), bytesOfId(invite), secret, commitment)
  return prefix + toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Undefined for anything that is not such a code. */
export function readInviteCode(text: string): InviteCode | undefined {
  const found = text.trim()
  const body = found.slice(prefix.length)
  if (!found.startsWith(prefix) || !/^[\w-]+$/.test(body) || body.length !== Math.ceil((total * 4) / 3))
    return undefined
  const bytes = fromBase64(
    body
      .replaceAll('-', '+')
      .replaceAll('_', '/')
      .padEnd(Math.ceil(body.length / 4) * 4, '='),
  )
  const [supervised, invite] = [idOfBytes(bytes.subarray(0, 16)), idOfBytes(bytes.subarray(16, 32))]
  return { supervised, invite, secret: bytes.slice(32, 64), commitment: bytes.slice(64, 96) }
}

function bytesOfId(id: string): Uint8Array {
  return hexToBytes(id.replaceAll('-', ''))
}

function idOfBytes(bytes: Uint8Array): string {
  return bytesToHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
