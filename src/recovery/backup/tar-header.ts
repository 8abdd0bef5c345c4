export const tarBlockBytes = 512

export interface TarHeader {
  name: string
  type: 'file' | 'directory'
  bytes: number
}

/** What a header says; `end` for the block of zeros that ends an archive, or what is wrong with it. */
export function parseTarHeader(header: Buffer): TarHeader | 'end' | { problem: string } {
  if (header.every((byte) => byte === 0)) return 'end'
  if (sumOf(header) !== octal(header, 148, 8)) return { problem: 'a header of its archive has a wrong checksum' }
  const bytes = octal(header, 124, 12)
  const type = header[156] === 0x35 ? 'directory' : header[156] === 0x30 || header[156] === 0 ? 'file' : undefined
  if (type === undefined || bytes === undefined)
    return { problem: 'its archive holds an entry that is no file or directory' }
  const name = header.subarray(0, header.indexOf(0) < 0 ? 100 : Math.min(100, header.indexOf(0))).toString('latin1')
  return { name, type, bytes }
}

/** Zeros that fill the last block of an entry. */
export function tarPadding(bytes: number): number {
  return (tarBlockBytes - (bytes % tarBlockBytes)) % tarBlockBytes
}

/** The number an octal field holds, or one in base 256 for files of 8 GB and more. */
function octal(header: Buffer, at: number, length: number): number | undefined {
  const field = header.subarray(at, at + length)
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(BigInt(`0x${field.subarray(1).toString('hex')}`))
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim()
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined
}

/** The sum of a header's bytes, its own checksum field counted as spaces. */
function sumOf(header: Buffer): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0)
}
