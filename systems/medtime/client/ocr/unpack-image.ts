import { type Bitmap, type ColourPixels, prepareBitmap } from './bitmap.ts'
import { ImageError } from './image-error.ts'
import { type ImageHeader, readImageHeader } from './image-header.ts'

/** Unpacks one type of image. */
export type Codec = (bytes: Uint8Array) => Promise<UnpackedPixels>

export interface UnpackedPixels extends ColourPixels {
  /** Overwrites whatever the codec kept of the image. */
  wipe(): void
}

export type Codecs = Readonly<Record<ImageHeader['type'], Codec>>

/** The largest image that is unpacked: what a telephone takes today, and 100 MB in memory. */
export const mostPixels = 25_000_000
const longestSide = 16_384

/**
 * The image as the engine needs it. Its size is read and refused before anything is unpacked, so that a small file cannot
 * unfold into all of the memory.
 * @throws ImageError
 */
export async function unpackImage(bytes: Uint8Array, codecs: Codecs): Promise<Bitmap> {
  const header = readImageHeader(bytes)
  if (header === undefined) throw new ImageError(looksLikeImage(bytes) ? 'IMAGE_UNREADABLE' : 'IMAGE_TYPE')
  const { width, height } = header
  if (width * height > mostPixels || Math.max(width, height) > longestSide) throw new ImageError('IMAGE_TOO_LARGE')
  if (!header.whole) throw new ImageError('IMAGE_UNREADABLE')
  const unpacked = await codecs[header.type](bytes).catch(() => {
    throw new ImageError('IMAGE_UNREADABLE')
  })
  try {
    // A codec that finds another size than was checked was given a file made to deceive.
    if (unpacked.width !== width || unpacked.height !== height) throw new ImageError('IMAGE_UNREADABLE')
    return prepareBitmap(unpacked, header.orientation)
  } finally {
    unpacked.data.fill(0)
    unpacked.wipe()
  }
}

/** Begins as an image of a type that is read here. */
function looksLikeImage([first, second, third, fourth]: Uint8Array): boolean {
  const jpeg = first === 0xff && second === 0xd8
  const png = first === 0x89 && second === 0x50 && third === 0x4e
  const webp = first === 0x52 && second === 0x49 && third === 0x46 && fourth === 0x46
  return jpeg || png || webp
}
