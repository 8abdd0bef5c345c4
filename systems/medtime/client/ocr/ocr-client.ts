import { z } from 'zod'
import { type ApiOptions, createRequest, refusal, SyncError, urlAt } from '../request.ts'
import { type RetryOptions, systemClock, TransientError, withRetries } from '../retry.ts'
import type { CatalogLookup } from './catalog-lookup.ts'
import { sealImage } from './envelope.ts'
import { readPrescription } from './prescription.ts'
import type { RecognitionResult } from './result.ts'
import { openResult } from './seal.ts'

/** What a server reads at most (BACKEND-ARCH-001 §5.4.1). */
export const imageLimit = 10 * 1_048_576
/** The server takes 30 s at most; the rest is for the way there and back. */
const timeoutMs = 60_000
/** Another instance may answer, which has other keys. */
const keysTried = 4

export interface OcrClientOptions extends Omit<ApiOptions, 'device' | 'clock' | 'random'>, Partial<RetryOptions> {
  /** What names and strengths are compared with, such as the catalog on the device. */
  lookup?: CatalogLookup
}

export interface OcrClient {
  /**
   * Lets the server read the image of a prescription. It sees the image while it reads; where that is too much, `recognise` reads
   * on the device.
   * @param image JPEG, PNG or WebP
   * @throws SyncError with the code of the refusal, such as IMAGE_UNREADABLE
   */
  read(image: Uint8Array): Promise<RecognitionResult>
}

const base64url = z.string().regex(/^[\w-]+$/)
const keyAnswer = z.object({ key_id: base64url, public_key: base64url })
const sealedResult = z.object({
  version: z.literal(1),
  text: z.string().max(20_000),
  words: z.array(z.object({ start: z.int().min(0), end: z.int().min(0), confidence: z.number().min(0).max(100) })),
})

export function createOcrClient(given: OcrClientOptions): OcrClient {
  const options = { clock: systemClock, random: Math.random, ...given }
  const request = createRequest(options)
  const currentKey = async () => {
    const { status, body } = await request('/ocr/key', {})
    if (status !== 200) throw refusal(status, body)
    const key = keyAnswer.parse(body)
    return { id: bytesOf(key.key_id), publicKey: bytesOf(key.public_key) }
  }
  return {
    read: async (image) => {
      if (image.length > imageLimit) throw new SyncError(413, 'BODY_TOO_LARGE')
      for (let tried = 1; ; tried++) {
        const { body, resultKey } = await sealImage(image, await currentKey())
        try {
          const sealed = await withRetries(() => post(options, body), options)
          // Only the text is taken over: what it means is read here, where the catalog is.
          const { text, words } = sealedResult.parse(
            JSON.parse(new TextDecoder().decode(openResult(resultKey, sealed))),
          )
          const { lookup } = options
          const reading = readPrescription(text, { words, ...(lookup === undefined ? {} : { lookup }) })
          return { version: 1, text, words, ...reading }
        } catch (thrown) {
          const forgotten = thrown instanceof SyncError && thrown.code === 'OCR_KEY_UNKNOWN'
          if (!forgotten || tried >= keysTried) throw thrown
        } finally {
          resultKey.fill(0)
        }
      }
    },
  }
}

async function post(options: OcrClientOptions, body: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const token = await options.token()
  const timeout = AbortSignal.timeout(timeoutMs)
  const response = await options
    .fetch(urlAt(options.address, '/ocr/process'), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
      body,
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    })
    .catch(() => {
      options.signal?.throwIfAborted()
      throw new TransientError('the server cannot be reached')
    })
  if (response.status === 200) return new Uint8Array(await response.arrayBuffer())
  // Full, or too fast: waiting helps. What failed on this image would fail again.
  if (response.status === 503 || response.status === 429) {
    const seconds = Number(response.headers.get('retry-after') ?? '0')
    throw new TransientError(`the server answered ${response.status}`, seconds > 0 ? seconds * 1_000 : 0)
  }
  throw refusal(response.status, await response.json().catch(() => undefined))
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))
}
