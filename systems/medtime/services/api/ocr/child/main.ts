import { ImageError } from '../../../../client/ocr/image-error.ts'
import { recognise } from '../../../../client/ocr/recognise.ts'
import { openImage, sealResult } from '../../../../client/ocr/seal.ts'
import { type Failure, readAssignment, writeOutcome } from './frame.ts'
import { parts } from './parts.ts'

/*
 * Reads one image and ends. It is started with everything denied but reading its own files: what it knows leaves it as a result
 * that only the client opens, or as one of five codes.
 */

/** The image does not open. */
class SealError extends Error {}

const { imageKey, resultKey, head, sealed } = readAssignment()
try {
  const image = opened()
  sealed.fill(0)
  const result = new TextEncoder().encode(JSON.stringify(await recognise(image, parts)))
  const answer = sealResult(resultKey, result)
  result.fill(0)
  writeOutcome({ sealed: answer })
} catch (thrown) {
  writeOutcome({ failure: failureOf(thrown) })
} finally {
  imageKey.fill(0)
  resultKey.fill(0)
}
process.exit(0)

function opened(): Uint8Array {
  try {
    return openImage(imageKey, { head, sealed })
  } catch {
    throw new SealError()
  }
}

function failureOf(thrown: unknown): Failure {
  if (thrown instanceof ImageError) return thrown.code
  return thrown instanceof SealError ? 'OCR_SEAL_BROKEN' : 'OCR_FAILED'
}
