import type { ByteStream } from '../stores/store.ts'
import { type ChunkKey, openChunks, sealChunks } from './chunk-cipher.ts'
import { compressText, decompressText, type WorkPlace } from './object-blocks.ts'
import type { ObjectHeader } from './object-header.ts'

/** What stands behind the head of an object: the text, compressed, in sealed chunks. */
export function sealText(key: ChunkKey, text: ByteStream, where: WorkPlace): ByteStream {
  return sealChunks(key, compressText(text, where))
}

/** @throws ChunkError when it is not what was written. */
export function openText(key: ChunkKey, codec: ObjectHeader['codec'], sealed: ByteStream): ByteStream {
  return decodeText(codec, openChunks(key, sealed))
}

/** The text of what chunks held. */
export function decodeText(codec: ObjectHeader['codec'], plain: ByteStream): ByteStream {
  return codec === 'zstd' ? decompressText(plain) : plain
}
