import { z } from 'zod'
import { requestOverhead } from '../../../client/ocr/envelope.ts'

/** An image may have 10 MB (BACKEND-ARCH-001 §5.4.1). */
export const imageLimit = 10 * 1_048_576
/** Bytes of one request. */
export const ocrBodyLimit = imageLimit + requestOverhead

/** From the first byte of the image being there to the end of its process, waiting included (BACKEND-ARCH-001 §5.4.1). */
export const ocrTimeoutMs = 30_000

export const keyAnswer = z.object({
  key_id: z.string().describe('16 bytes, base64url.'),
  public_key: z.string().describe('X25519, 32 bytes, base64url.'),
  suite: z.literal('DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, export only; XChaCha20-Poly1305'),
  expires_at: z.iso.datetime().describe('What is sealed to it is taken until then.'),
})

export type KeyAnswer = z.output<typeof keyAnswer>
