import type { Trial } from 'aval'
import { z } from 'zod'
import { sealImage } from '../../client/ocr/envelope.ts'
import { createOcrClient } from '../../client/ocr/ocr-client.ts'
import { greyPng } from '../../services/api/ocr/grey-png.ts'
import { prescriptionOf } from './prescription-image.ts'
import { differences, type TrialTools } from './trial-tools.ts'

/*
 * Images as a client seals them, posted without the SDK where it would refuse them itself or try again.
 */

const key = z.object({ key_id: z.string(), public_key: z.string() })
const refused = z.object({ code: z.string() })

const largest = 10 * 1_048_576

/** Posts an image sealed to the present key. @returns status, and the code of a refusal */
export async function postImage(
  { address, tokensOf }: TrialTools,
  user: string,
  image: Uint8Array,
  signal: AbortSignal,
): Promise<{ status: number; code?: string }> {
  const headers = { authorization: `Bearer ${await tokensOf(user).current()}` }
  const asked = await fetch(new URL('/ocr/key', address('api')), { headers, signal })
  const { key_id, public_key } = key.parse(await asked.json())
  const { body } = await sealImage(image, {
    id: Buffer.from(key_id, 'base64url'),
    publicKey: Buffer.from(public_key, 'base64url'),
  })
  const answer = await fetch(new URL('/ocr/process', address('api')), {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/octet-stream' },
    body,
    signal,
  })
  const text = await answer.text()
  return answer.status === 200 ? { status: 200 } : { status: answer.status, code: refused.parse(JSON.parse(text)).code }
}

const tooLarge = { status: 413, code: 'BODY_TOO_LARGE' }

export const ocrImage = [
  (tools: TrialTools): Trial => ({
    id: 'limits-ocr_image/at',
    promise: 'limits/ocr_image',
    title: 'An image of exactly 10 MiB is read',
    run: async () => {
      const user = tools.newId()
      const client = createOcrClient({
        address: () => tools.address('api'),
        token: tools.tokensOf(user).current,
        fetch,
      })
      const { text } = await client.read(prescriptionOf(largest))
      return differences(['what is read', /enalapril\s*10\s*mg/i.test(text), true])
    },
  }),
  (tools: TrialTools): Trial => ({
    id: 'limits-ocr_image/over',
    promise: 'limits/ocr_image',
    title: 'One byte more is refused, by the server and by the SDK before it asks',
    run: async (signal) => {
      const over = prescriptionOf(largest + 1)
      const user = tools.newId()
      let asked = 0
      const client = createOcrClient({
        address: () => tools.address('api'),
        token: tools.tokensOf(user).current,
        fetch: (input, init) => {
          asked++
          return fetch(input, init)
        },
      })
      const bySdk = await client.read(over).then(
        () => 'read',
        (error: unknown) => (error instanceof Error ? error.message : ''),
      )
      return differences(
        ['the server', await postImage(tools, user, over, signal), tooLarge],
        ['the SDK', bySdk, 'the server answered 413 BODY_TOO_LARGE'],
        ['requests of the SDK', asked, 0],
      )
    },
  }),
]

/** A white page of so many pixels, small as a file. */
function page(width: number, height: number): Uint8Array {
  return greyPng({ width, height, pixels: new Uint8Array(width * height).fill(255) })
}

export const ocrPixels = [
  (tools: TrialTools): Trial => ({
    id: 'limits-ocr_pixels/at',
    promise: 'limits/ocr_pixels',
    title: 'An image of exactly 25 million pixels is taken',
    run: async (signal) =>
      differences(['the server', await postImage(tools, tools.newId(), page(5_000, 5_000), signal), { status: 200 }]),
  }),
  (tools: TrialTools): Trial => ({
    id: 'limits-ocr_pixels/over',
    promise: 'limits/ocr_pixels',
    title: 'One pixel more is refused',
    run: async (signal) =>
      differences([
        'the server',
        await postImage(tools, tools.newId(), page(4_901, 5_101), signal),
        { status: 422, code: 'IMAGE_TOO_LARGE' },
      ]),
  }),
]
