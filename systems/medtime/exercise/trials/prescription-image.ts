import { crc32 } from 'node:zlib'
import { drawText } from '../../services/api/ocr/drawn-text.ts'
import { greyPng } from '../../services/api/ocr/grey-png.ts'

/** Signature and header of a PNG file. */
const headLength = 8 + 25
/** Bytes of a chunk beside its data. */
const chunkOverhead = 12
const largestChunk = 65_536

/**
 * A drawn prescription as a PNG file of this many bytes: what is missing are chunks that no reader of images looks at.
 * @param size that of the file without any unless told
 * @throws RangeError when the chunks do not come to it
 */
export function prescriptionOf(size?: number): Uint8Array {
  const drawn = Buffer.from(greyPng(drawText(['Enalapril 10 mg'])))
  const chunks: Buffer[] = []
  for (let left = (size ?? drawn.length) - drawn.length; left > 0; left -= chunks.at(-1)?.length ?? 0) {
    // What is left after it is nothing, or a whole chunk.
    const length = left <= largestChunk ? left : Math.min(largestChunk, left - chunkOverhead)
    chunks.push(unread(length - chunkOverhead))
  }
  return Buffer.concat([drawn.subarray(0, headLength), ...chunks, drawn.subarray(headLength)])
}

function unread(length: number): Buffer {
  const chunk = Buffer.alloc(chunkOverhead + length)
  chunk.writeUInt32BE(length)
  chunk.write('prVt', 4, 'latin1')
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), chunk.length - 4)
  return chunk
}
