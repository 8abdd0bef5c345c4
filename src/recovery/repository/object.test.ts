import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { suite, test } from 'node:test'
import { createZstdDecompress } from 'node:zlib'
import fc from 'fast-check'
import { AvalError } from '../../errors.ts'
import { seededRandom } from '../../random.ts'
import type { ByteStream } from '../stores/store.ts'
import { openChunks, sealChunks } from './chunk-cipher.ts'
import { openObject, sealObject } from './object.ts'
import { blockBytes, compressText } from './object-blocks.ts'
import { chunkBytes, deriveKeys } from './object-header.ts'

const keys = deriveKeys(new Uint8Array(32).fill(7))
const ring = new Map([[keys.id, keys]])
const place = { system: 'shop', key: 'wal/00000001/000000010000000000000001' }

async function* pieces(bytes: Uint8Array, size: number): ByteStream {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function gather(stream: ByteStream): Promise<Buffer> {
  const parts: Uint8Array[] = []
  // A piece is valid until the next only.
  for await (const part of stream) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
}

async function open(stored: Uint8Array, where = place): Promise<Buffer> {
  return gather((await openObject(ring, where, pieces(stored, 1000))).text)
}

function isDamage(error: unknown): boolean {
  // An object that names a key nobody has may as well have been sealed with it.
  return error instanceof AvalError && (error.code === 'OBJECT_DAMAGED' || error.code === 'OBJECT_OTHER_KEY')
}

suite('chunks', () => {
  const chunkKey = { key: new Uint8Array(32).fill(1), associated: Buffer.from('place'), chunkBytes: 16 }

  test('any text comes back whole, whatever its length beside the chunk borders and however it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 70 }), fc.integer({ min: 1, max: 40 }), async (text, size) => {
        const sealed = await gather(sealChunks(chunkKey, pieces(text, size)))
        assert.equal(sealed.length, text.length + 16 * Math.max(1, Math.ceil(text.length / 16)))
        assert.deepEqual(await gather(openChunks(chunkKey, pieces(sealed, size))), Buffer.from(text))
      }),
    )
  })

  test('a text whose chunks were cut off, swapped, doubled or continued does not open', async () => {
    const text = Uint8Array.from({ length: 64 }, (_, index) => index)
    const sealed = await gather(sealChunks(chunkKey, pieces(text, 64)))
    const chunk = (index: number) => sealed.subarray(index * 32, index * 32 + 32)
    const forged = {
      'last chunk missing': [chunk(0), chunk(1), chunk(2)],
      'two chunks swapped': [chunk(1), chunk(0), chunk(2), chunk(3)],
      'a chunk twice': [chunk(0), chunk(1), chunk(1), chunk(3)],
      'a chunk after the last': [chunk(0), chunk(1), chunk(2), chunk(3), chunk(3)],
      'nothing at all': [],
    }
    for (const [what, parts] of Object.entries(forged)) {
      await assert.rejects(gather(openChunks(chunkKey, pieces(Buffer.concat(parts), 50))), { name: 'ChunkError' }, what)
    }
  })

  test('nothing of a changed chunk is given out', async () => {
    const sealed = await gather(sealChunks(chunkKey, pieces(new Uint8Array(40), 40)))
    sealed[33] = (sealed[33] ?? 0) ^ 1
    const given: Uint8Array[] = []
    await assert.rejects(async () => {
      for await (const chunk of openChunks(chunkKey, pieces(sealed, 7))) given.push(chunk)
    }, /chunk 1 is not what was written/)
    assert.equal(Buffer.concat(given).length, 16)
  })

  test('documented vector: nonce, tag and associated data stand where the format says', async () => {
    const vector = {
      key: Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex'),
      associated: Buffer.from('aval', 'ascii'),
      chunkBytes: 8,
    }
    const sealed = await gather(sealChunks(vector, pieces(Buffer.from('hello, recovery', 'ascii'), 4)))
    assert.equal(
      sealed.toString('hex'),
      '66d9d9b2da00a3cfe1f9c5e7a770c5738738c94bed84724c0d6eef00afc8c312f0a093f6e308cc4ee2cc33caad47cd',
    )
  })
})

suite('objects', () => {
  test('any text comes back, around the size of a chunk as well', async () => {
    const random = seededRandom(1)
    for (const length of [0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 2 * chunkBytes, 2 * chunkBytes + 9]) {
      // Random bytes do not shrink, so that the compressed text crosses the same borders.
      const text = random.bytes(length)
      const stored = await gather(sealObject(keys, place, pieces(text, 65_536), { mark: 'x' }))
      assert.deepEqual(await open(stored), Buffer.from(text))
    }
  })

  test('repeating text takes little room', async () => {
    const stored = await gather(sealObject(keys, place, pieces(new Uint8Array(1_000_000), 65_536)))
    assert.ok(stored.length < 2_000, `${stored.length} bytes`)
  })

  test('the same text twice gives nothing in common but the head', async () => {
    const text = Buffer.from('the same text, every time')
    const [one, two] = [
      await gather(sealObject(keys, place, pieces(text, 9))),
      await gather(sealObject(keys, place, pieces(text, 9))),
    ]
    assert.notDeepEqual(one.subarray(-40), two.subarray(-40))
  })

  test('no byte of an object can be changed', async () => {
    const stored = await gather(sealObject(keys, place, pieces(Buffer.from('a row of somebody'), 5), { at: '1' }))
    for (let at = 0; at < stored.length; at++) {
      const changed = Buffer.from(stored)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      await assert.rejects(open(changed), isDamage, `byte ${at} of ${stored.length}`)
    }
  })

  test('no object opens when anything is cut off or added', async () => {
    const text = seededRandom(2).bytes(3 * chunkBytes + 100)
    const stored = await gather(sealObject(keys, place, pieces(text, 65_536)))
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: stored.length - 1 }), async (length) => {
        await assert.rejects(open(stored.subarray(0, length)), isDamage)
      }),
      { numRuns: 40 },
    )
    await assert.rejects(open(Buffer.concat([stored, Buffer.from([0])])), isDamage)
  })

  test('an object opens only under its own key and in its own system', async () => {
    const stored = await gather(sealObject(keys, place, pieces(Buffer.from('text'), 4)))
    await assert.rejects(open(stored, { ...place, key: 'wal/00000001/000000010000000000000002' }), isDamage)
    await assert.rejects(open(stored, { ...place, system: 'other' }), isDamage)
    assert.equal((await open(stored)).toString(), 'text')
  })

  test('an object of the first form, one zstd stream without blocks, is read for ever', async () => {
    const stored = await readFile(new URL('fixtures/object-zstd-stream.bin', import.meta.url))
    for (const size of ['small', 'large'] as const) {
      const { meta, text } = await openObject(ring, place, pieces(stored, 100_000), size)
      assert.deepEqual(meta, { at: '1' })
      const sum = createHash('sha256')
        .update(await gather(text))
        .digest('hex')
      assert.equal(sum, 'be3464073519f436454bd261d2b7047f4fd58a7dae55d646e7ec9e364034b713')
    }
  })

  test('behind the seal stands a zstd stream that any decoder reads', async () => {
    const text = randomBytes(2_500_000)
    const decode = createZstdDecompress()
    decode.end(await gather(compressText(pieces(text, 70_000), 'aside')))
    assert.deepEqual(await gather(decode), text)
  })

  test('memory stays bounded: the next part is asked for only when the last was taken', async () => {
    let asked = 0
    async function* endless(): ByteStream {
      for (;;) {
        asked += 1
        yield randomBytes(65_536)
      }
    }
    const sealed = sealObject(keys, place, endless())[Symbol.asyncIterator]()
    await sealed.next()
    await sealed.next()
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(asked < 64, `${asked} parts of 64 KiB asked for`)
    await sealed.return?.(undefined)
  })
})

suite('objects on a thread of their own', () => {
  const seal = async (text: ByteStream) => gather(sealObject(keys, place, text, { at: '1' }, 'large'))
  const openLarge = async (stored: Uint8Array, size = 100_000) => {
    const { meta, text } = await openObject(ring, place, pieces(stored, size), 'large')
    assert.deepEqual(meta, { at: '1' })
    const hash = createHash('sha256')
    // A piece is valid until the next only.
    for await (const piece of text) hash.update(piece)
    return hash.digest('hex')
  }
  const sumOf = (text: Uint8Array) => createHash('sha256').update(text).digest('hex')

  test('any text comes back, whether sealed here or there, opened here or there, around the size of a block as well', async () => {
    for (const length of [0, 1, blockBytes - 1, blockBytes, blockBytes + 1, 5 * blockBytes + 7]) {
      const text = randomBytes(length)
      const large = await seal(pieces(text, 77_777))
      assert.equal(await openLarge(large), sumOf(text))
      assert.deepEqual(await open(large), Buffer.from(text))
      assert.equal(
        await openLarge(await gather(sealObject(keys, place, pieces(text, 9_999), { at: '1' }))),
        sumOf(text),
      )
    }
  })

  test('several at once come back, each as its own', async () => {
    const texts = [1, 2, 3, 4, 5].map(() => randomBytes(3_000_000))
    const stored = await Promise.all(texts.map((text) => seal(pieces(text, 65_536))))
    assert.deepEqual(await Promise.all(stored.map((each) => openLarge(each))), texts.map(sumOf))
  })

  test('a changed byte, a cut and an addition are found there too', async () => {
    const text = randomBytes(4 * blockBytes)
    const stored = await seal(pieces(text, 65_536))
    const changed = Buffer.from(stored)
    changed[3_000_000] = (changed[3_000_000] ?? 0) ^ 1
    await assert.rejects(openLarge(changed), isDamage)
    for (const length of [0, 30, 400, 500_000, stored.length - 1])
      await assert.rejects(openLarge(stored.subarray(0, length)), isDamage)
    await assert.rejects(openLarge(Buffer.concat([stored, Buffer.alloc(9)])), isDamage)
    // The threads serve on.
    assert.equal(await openLarge(stored), sumOf(text))
  })

  test('a text that breaks off breaks the object off, with its own reason', async () => {
    async function* broken(): ByteStream {
      yield randomBytes(3_000_000)
      throw new Error('the server went away')
    }
    await assert.rejects(seal(broken()), /the server went away/)
  })

  test('who stops taking stops the asking', async () => {
    let asked = 0
    let closed = false
    async function* endless(): ByteStream {
      try {
        for (;;) {
          asked += 1
          yield randomBytes(blockBytes / 4)
        }
      } finally {
        closed = true
      }
    }
    const sealed = sealObject(keys, place, endless(), {}, 'large')[Symbol.asyncIterator]()
    for (let taken = 0; taken < 4; taken++) await sealed.next()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.ok(asked < 100, `${asked} parts of 256 KiB asked for`)
    await sealed.return?.(undefined)
    assert.equal(closed, true)
  })
})
