import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { createKeyRing, createMasterKey } from './keys.ts'
import type { Sealer } from './sealed-entity.ts'
import { fileLimit, openFile, sealFile } from './sealed-file.ts'

const user = '3f0c1a52-0000-4000-8000-000000000001'
const [id, other] = ['3f0c1a52-0000-4000-8000-000000000002', '3f0c1a52-0000-4000-8000-000000000003']
const sealerOf = (of: string, master = createMasterKey()): Sealer => ({
  user: of,
  keys: createKeyRing(of, [master]),
  collectionOf: (type) => type,
})
const master = createMasterKey()
const sealer = sealerOf(user, master)
const sealed = (file: Uint8Array) => Buffer.concat([...sealFile(sealer, id, file)])

/** As a network cuts it. */
function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

describe('a sealed file', () => {
  test('opens to what it was, of any size and however it arrives', async () => {
    for (const size of [0, 1, 262_140, 262_141, fileLimit]) {
      const file = randomBytes(size)
      const bytes = sealed(file)
      assert.ok(bytes.length <= 5_374_328, 'it fits the limit of the server')
      for (const piece of [size > 10_000 ? 50_000 : 1, bytes.length])
        assert.deepEqual(Buffer.from((await openFile(sealer, id, cut(bytes, piece))) ?? []), file)
    }
    assert.throws(() => sealed(new Uint8Array(fileLimit + 1)), RangeError)
  })

  test('does not open changed, cut off, rearranged, under another id, for another user or with another key', async () => {
    const file = randomBytes(700_000)
    const bytes = sealed(file)
    const head = bytes.length - (bytes.length % 262_160 || 262_160)
    const chunks = [...sealFile(sealer, id, file)]
    const [start = new Uint8Array(), first = start, second = start, ...rest] = chunks
    const changed = (place: number) => {
      const copy = Buffer.from(bytes)
      copy[place] = (copy[place] ?? 0) ^ 1
      return copy
    }
    const attacks: Record<string, Uint8Array> = {
      format: changed(0),
      'length of the key id': changed(1),
      'key id': changed(5),
      nonce: changed(30),
      'first chunk': changed(1_000),
      'last byte': changed(bytes.length - 1),
      'last chunk left out': bytes.subarray(0, Math.min(head, bytes.length - 300_000)),
      'cut in a chunk': bytes.subarray(0, bytes.length - 1),
      'one byte more': Buffer.concat([bytes, Uint8Array.of(0)]),
      'chunks changed places': Buffer.concat([start, second, first, ...rest]),
      'a chunk left out': Buffer.concat([start, first, ...rest]),
      nothing: new Uint8Array(),
      'only a head': start,
    }
    for (const [name, attack] of Object.entries(attacks))
      assert.equal(await openFile(sealer, id, [attack]), undefined, name)
    assert.equal(await openFile(sealer, other, [bytes]), undefined)
    assert.equal(await openFile(sealerOf(other, master), id, [bytes]), undefined)
    assert.equal(await openFile(sealerOf(user), id, [bytes]), undefined)
    assert.deepEqual(Buffer.from((await openFile(sealer, id, [bytes])) ?? []), file)
  })
})
