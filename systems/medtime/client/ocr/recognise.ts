import type { Engine } from './engine.ts'
import { readPrescription } from './prescription.ts'
import type { RecognitionResult } from './result.ts'
import { type Codecs, unpackImage } from './unpack-image.ts'

export interface RecogniserParts {
  engine: Engine
  codecs: Codecs
}

/**
 * Reads the image of a prescription. The image and everything made from it are overwritten before this returns or throws; the
 * engine is used up by it. What cannot be overwritten are texts: they stay until the memory of the process is given back.
 * @throws ImageError
 */
export async function recognise(image: Uint8Array, { engine, codecs }: RecogniserParts): Promise<RecognitionResult> {
  try {
    const bitmap = await unpackImage(image, codecs)
    try {
      const { text, words } = engine.recognise(bitmap)
      return { version: 1, text, words, ...readPrescription(text, { words }) }
    } finally {
      bitmap.pixels.fill(0)
    }
  } finally {
    image.fill(0)
    engine.wipe()
  }
}
