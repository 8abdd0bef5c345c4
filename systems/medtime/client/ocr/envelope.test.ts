import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, ExportOnly, HkdfSha256 } from '@hpke/core'
import { exchangeKeys, infoOf, requestOverhead, sealImage, splitRequest, suite } from './envelope.ts'
import { openImage, openResult, sealResult } from './seal.ts'

const image = Uint8Array.from({ length: 5_000 }, (_, index) => index % 251)
const id = new Uint8Array(16).fill(3)

async function keyPair() {
  const pair = await suite.kem.generateKeyPair()
  return { ...pair, key: { id, publicKey: new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey)) } }
}

async function received(body: Uint8Array, recipientKey: CryptoKey, by: CipherSuite = suite) {
  const parts = splitRequest(body)
  assert.ok(parts !== undefined)
  const enc = new Uint8Array(parts.encapsulated).buffer
  const context = await by.createRecipientContext({ recipientKey, enc, info: infoOf(parts.keyId) })
  return { parts, keys: await exchangeKeys(context) }
}

test('whoever holds the private key opens the image, and only its sender opens the result', async () => {
  const { key, privateKey } = await keyPair()
  const { body, resultKey } = await sealImage(image, key)
  assert.equal(body.length, image.length + requestOverhead)
  const { parts, keys } = await received(body, privateKey)
  assert.deepEqual(openImage(keys.image, parts), image)
  const result = new TextEncoder().encode('read')
  assert.deepEqual(openResult(resultKey, sealResult(keys.result, result)), result)
  const another = await sealImage(image, key)
  assert.throws(() => openResult(another.resultKey, sealResult(keys.result, result)))
  assert.throws(() => openResult(resultKey, sealResult(keys.image, result)), 'the key of the image is another')
})

test('an image does not open when a byte of it, or of what stands before it, was changed', async () => {
  const { key, privateKey } = await keyPair()
  const { body } = await sealImage(image, key)
  const { keys } = await received(body, privateKey)
  for (const at of [0, 1, 17, 49, 80, body.length - 1]) {
    const changed = body.slice()
    changed[at] = (changed[at] ?? 0) ^ 1
    const parts = splitRequest(changed)
    if (parts !== undefined) assert.throws(() => openImage(keys.image, parts), `byte ${at}`)
    else assert.equal(at, 0)
  }
})

test('the same image sealed twice looks different, and so does the same result under one key', async () => {
  const { key, privateKey } = await keyPair()
  const [first, second] = [await sealImage(image, key), await sealImage(image, key)]
  assert.notDeepEqual(first.body.slice(17), second.body.slice(17))
  const { keys } = await received(first.body, privateKey)
  assert.notDeepEqual(sealResult(keys.result, image), sealResult(keys.result, image))
})

test('the length of a result tells little of it', () => {
  const resultKey = new Uint8Array(32)
  const lengths = new Set(
    Array.from({ length: 300 }, (_, more) => sealResult(resultKey, new Uint8Array(4_000 + more)).length),
  )
  assert.ok(lengths.size <= 4)
})

test('the keys are those of another implementation of RFC 9180', async () => {
  // X25519 of the platform in place of that of the package.
  const native = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new ExportOnly() })
  const pair = await native.kem.generateKeyPair()
  const publicKey = new Uint8Array(await native.kem.serializePublicKey(pair.publicKey))
  const { body } = await sealImage(image, { id, publicKey })
  const { parts, keys } = await received(body, pair.privateKey, native)
  assert.deepEqual(openImage(keys.image, parts), image)
  // Another use of HPKE gives other keys.
  const other = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() })
  assert.notDeepEqual((await received(body, pair.privateKey, other)).keys, keys)
})

test('what is too short or of another version is no request', () => {
  for (const body of [new Uint8Array(), new Uint8Array(requestOverhead).fill(1), new Uint8Array(500)]) {
    assert.equal(splitRequest(body), undefined)
  }
})
