import type { Bitmap } from './bitmap.ts'
import type { Engine } from './engine.ts'
import { readPrescription } from './prescription.ts'
import type { RecognisedText } from './recognised-text.ts'
import type { RecognitionResult } from './result.ts'
import { type Codecs, unpackImage } from './unpack-image.ts'

export interface RecogniserParts {
  /** Starts an engine, which reads this one image: an image that does not unpack costs none. */
  start: () => Promise<Engine>
  codecs: Codecs
}

/**
 * Reads the image of a prescription. The image and everything made from it are overwritten before this returns or throws; the
 * engine is wiped with them. What cannot be overwritten are texts: they stay until the memory of the process is given back.
 * @throws ImageError
 */
export async function recognise(image: Uint8Array, { start, codecs }: RecogniserParts): Promise<RecognitionResult> {
  try {
    const bitmap = await unpackImage(image, codecs)
    try {
      const { text, words } = await read(bitmap, start)
      return { version: 1, text, words, ...readPrescription(text, { words }) }
    } finally {
      bitmap.pixels.fill(0)
    }
  } finally {
    image.fill(0)
  }
}

async function read(bitmap: Bitmap, start: () => Promise<Engine>): Promise<RecognisedText> {
  const engine = await start()
  try {
    return engine.recognise(bitmap)
  } finally {
    engine.wipe()
  }
}
