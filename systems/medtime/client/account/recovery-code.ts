import { sha256 } from '@noble/hashes/sha2.js'
import { randomBytes } from '@noble/hashes/utils.js'

/** Letters and digits that are not taken for one another when read or heard: Crockford's base 32. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const secretLength = 16
const symbols = 28
/** 28 symbols hold 140 bits: the secret and a checksum of twelve. */
const checksumBits = 12n

/** 128 random bits. */
export function newRecoverySecret(): Uint8Array {
  return randomBytes(secretLength)
}

/** The secret as people write it down: seven groups of four, such as `8A2K-...`. */
export function writeRecoveryCode(secret: Uint8Array): string {
  if (secret.length !== secretLength) throw new RangeError(`a recovery secret has ${secretLength} bytes`)
  let value = (toNumber(secret) << checksumBits) | checksum(secret)
  let text = ''
  for (let index = 0; index < symbols; index++) {
    text = `${alphabet[Number(value & 31n)] ?? ''}${text}`
    value >>= 5n
  }
  return text.replace(/(.{4})(?=.)/g, '$1-')
}

/** The secret of a code as it was typed; undefined when a symbol is wrong, missing or too much: 4095 of 4096 slips are seen. */
export function readRecoveryCode(text: string): Uint8Array | undefined {
  const plain = text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  if (plain.length !== symbols) return undefined
  let value = 0n
  for (const symbol of plain) {
    const digit = alphabet.indexOf(symbol)
    if (digit < 0) return undefined
    value = (value << 5n) | BigInt(digit)
  }
  const secret = toBytes(value >> checksumBits)
  return (value & ((1n << checksumBits) - 1n)) === checksum(secret) ? secret : undefined
}

/**
 * The recovery code with what a device has seen, as one text for a QR code on the sheet that is kept: whoever gets in by it holds the
 * server to the day it was printed.
 * @param mark of `exportMark`
 */
export function writeRecoverySheet(code: string, mark: string | undefined): string {
  return mark === undefined ? code : `${code} ${mark}`
}

/** The code, typed alone or scanned with the mark beside it. */
export function readRecoverySheet(text: string): { secret: Uint8Array; mark: string | undefined } | undefined {
  const [, code = '', mark] = /^([^.]*?)(?:\s+(MT1\.\S+))?$/.exec(text.trim()) ?? []
  const secret = readRecoveryCode(code)
  return secret === undefined ? undefined : { secret, mark }
}

function checksum(secret: Uint8Array): bigint {
  return toNumber(sha256(secret).subarray(0, 2)) >> 4n
}

function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function toBytes(value: bigint): Uint8Array {
  return Uint8Array.from({ length: secretLength }, (_, index) =>
    Number((value >> BigInt(8 * (secretLength - 1 - index))) & 255n),
  )
}
