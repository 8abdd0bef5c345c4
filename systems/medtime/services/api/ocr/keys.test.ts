import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealImage, splitRequest } from '../../../client/ocr/envelope.ts'
import { openImage } from '../../../client/ocr/seal.ts'
import { createKeys, lifetimeMs, type PublicKey } from './keys.ts'

const image = Uint8Array.of(1, 2, 3)

async function opens(keys: ReturnType<typeof createKeys>, key: PublicKey): Promise<boolean> {
  const parts = splitRequest((await sealImage(image, key)).body)
  assert.ok(parts !== undefined)
  const exchange = await keys.open(parts.keyId, parts.encapsulated)
  return exchange !== undefined && openImage(exchange.image, parts).length === image.length
}

test('a key serves until it expires, is followed by another before, and is then forgotten', async () => {
  let now = 0
  const keys = createKeys(() => now)
  const first = await keys.current()
  assert.equal(first.expiresAt, lifetimeMs)
  now = lifetimeMs / 2 - 1
  assert.deepEqual((await keys.current()).id, first.id)
  now = lifetimeMs / 2
  const second = await keys.current()
  assert.notDeepEqual(second.id, first.id)
  now = lifetimeMs - 1
  assert.deepEqual([await opens(keys, first), await opens(keys, second)], [true, true])
  now = lifetimeMs
  assert.deepEqual([await opens(keys, first), await opens(keys, second)], [false, true])
  now = 0
  assert.equal(await opens(keys, first), false, 'a clock set back does not bring it back')
})

test('those who ask together get the same key', async () => {
  const keys = createKeys(() => 0)
  const ids = await Promise.all(
    Array.from({ length: 8 }, async () => Buffer.from((await keys.current()).id).toString('hex')),
  )
  assert.equal(new Set(ids).size, 1)
})

test('an encapsulated key that is no point, or a point of small order, opens nothing', async () => {
  const keys = createKeys(() => 0)
  const { id } = await keys.current()
  const [zero, one] = [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31))]
  for (const bytes of [zero, one, new Uint8Array(5)]) assert.equal(await keys.open(id, bytes), undefined)
  assert.equal(await keys.open(new Uint8Array(16), new Uint8Array(32).fill(9)), undefined)
})
