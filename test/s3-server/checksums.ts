import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { crc32 } from 'node:zlib'
import { Refused } from './refusals.ts'

const algorithms: Record<string, (bytes: Uint8Array) => string> = {
  'x-amz-checksum-sha256': (bytes) => createHash('sha256').update(bytes).digest('base64'),
  'x-amz-checksum-sha1': (bytes) => createHash('sha1').update(bytes).digest('base64'),
  'x-amz-checksum-crc32': (bytes) => word(crc32(bytes)),
  'x-amz-checksum-crc32c': (bytes) => word(crc32c(bytes)),
}

/** Refuses a body that does not match what its headers say; gives the checksum headers back, as the service does. */
export function checkBody(headers: IncomingHttpHeaders, body: Buffer): Record<string, string> {
  const md5 = headers['content-md5']
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64')) {
    throw new Refused(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.')
  }
  const kept: Record<string, string> = {}
  for (const [name, compute] of Object.entries(algorithms)) {
    const declared = headers[name]
    if (declared === undefined) continue
    if (declared !== compute(body)) {
      throw new Refused(
        400,
        'BadDigest',
        `The ${name.slice('x-amz-checksum-'.length).toUpperCase()} you specified did not match the calculated checksum.`,
      )
    }
    kept[name] = compute(body)
  }
  return kept
}

function word(value: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes.toString('base64')
}

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0x82f63b78 ^ (value >>> 1) : value >>> 1
  return value
})

function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff
  for (const byte of bytes) value = (table[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8)
  return (value ^ 0xffffffff) >>> 0
}
