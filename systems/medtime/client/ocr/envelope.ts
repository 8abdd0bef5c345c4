import { CipherSuite, ExportOnly, HkdfSha256 } from '@hpke/core'
import { DhkemX25519HkdfSha256 } from '@hpke/dhkem-x25519'
import { seal, sealOverhead } from './seal.ts'

/*
 * How an image travels to a recogniser and its result back. HPKE (RFC 9180, base mode, export only) agrees on two keys for this
 * one exchange; the image is sealed with the first and the result with the second. The service that receives the exchange hands
 * both keys to the process that reads the image, and opens neither itself.
 *
 * Body of a request: version (1 byte), id of the server's key (16), encapsulated key (32), sealed image.
 */

const version = 1
export const keyIdLength = 16
const encapsulatedLength = 32
const headLength = 1 + keyIdLength + encapsulatedLength
/** Bytes of a request beyond those of the image. */
export const requestOverhead = headLength + sealOverhead

export const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new ExportOnly(),
})

/** Binds keys to this use of HPKE, and to the key they were made with. */
export function infoOf(keyId: Uint8Array): Uint8Array<ArrayBuffer> {
  const purpose = new TextEncoder().encode('medtime/ocr/1')
  const info = new Uint8Array(purpose.length + keyId.length)
  info.set(purpose)
  info.set(keyId, purpose.length)
  return info
}

/** The keys of one exchange. */
export interface ExchangeKeys {
  image: Uint8Array
  result: Uint8Array
}

interface Exporter {
  export(context: ArrayBuffer, length: number): Promise<ArrayBuffer>
}

export async function exchangeKeys(context: Exporter): Promise<ExchangeKeys> {
  const labelled = async (label: string) =>
    new Uint8Array(await context.export(new Uint8Array(new TextEncoder().encode(label)).buffer, 32))
  return { image: await labelled('image'), result: await labelled('result') }
}

export interface SealedRequest {
  body: Uint8Array<ArrayBuffer>
  /** The key only its result opens with. */
  resultKey: Uint8Array
}

/**
 * Seals an image for whoever holds the private half of a key.
 * @param key as the server gave it
 */
export async function sealImage(
  image: Uint8Array,
  key: { id: Uint8Array; publicKey: Uint8Array },
): Promise<SealedRequest> {
  const recipientPublicKey = await suite.kem.deserializePublicKey(new Uint8Array(key.publicKey))
  const sender = await suite.createSenderContext({ recipientPublicKey, info: infoOf(key.id) })
  const keys = await exchangeKeys(sender)
  const body = new Uint8Array(requestOverhead + image.length)
  body[0] = version
  body.set(key.id, 1)
  body.set(new Uint8Array(sender.enc), 1 + keyIdLength)
  body.set(seal(keys.image, image, body.subarray(0, headLength)), headLength)
  keys.image.fill(0)
  return { body, resultKey: keys.result }
}

export interface RequestParts {
  keyId: Uint8Array
  encapsulated: Uint8Array
  /** What the image is bound to. */
  head: Uint8Array
  sealed: Uint8Array
}

/** The parts of a request, as views of it; undefined when it is none. */
export function splitRequest(body: Uint8Array): RequestParts | undefined {
  if (body[0] !== version || body.length <= requestOverhead) return undefined
  return {
    keyId: body.subarray(1, 1 + keyIdLength),
    encapsulated: body.subarray(1 + keyIdLength, headLength),
    head: body.subarray(0, headLength),
    sealed: body.subarray(headLength),
  }
}
