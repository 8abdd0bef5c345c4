import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { seededRandom } from '../../random.ts'
import { createFinder } from './finder.ts'
import { sow } from './planted.ts'

const sowing = sow(
  ['a', 'b', 'c'].map((id) => ({ id, plant: async () => undefined })),
  ['names', 'doses'],
  seededRandom(7),
  true,
)
const finder = createFinder(sowing)

const spell: Record<string, (text: string) => Buffer> = {
  clear: (text) => Buffer.from(text),
  capitals: (text) => Buffer.from(text.toUpperCase()),
  backwards: (text) => Buffer.from([...text].reverse().join('')),
  base64: (text) => Buffer.from(Buffer.from(text).toString('base64')),
  base64url: (text) => Buffer.from(Buffer.from(text).toString('base64url')),
  hex: (text) => Buffer.from(Buffer.from(text).toString('hex')),
  'percent-encoded': (text) => Buffer.from([...text].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('')),
  'UTF-16': (text) => Buffer.from(text, 'utf16le'),
  gzip: (text) => gzipSync(text),
  zlib: (text) => deflateSync(text),
  zstd: (text) => zstdCompressSync(text),
  'gzip within gzip': (text) => gzipSync(gzipSync(text)),
  'gzip cut off': (text) => gzipSync(`${text}${'and more '.repeat(500)}`).subarray(0, -12),
  sha256: (text) => Buffer.from(createHash('sha256').update(text).digest('hex')),
  md5: (text) => Buffer.from(createHash('md5').update(text).digest('base64')),
}

describe('a finder', () => {
  for (const [name, write] of Object.entries(spell)) {
    test(`sees a mark written as ${name}, among other bytes, and says whose it is`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...sowing.planted),
          fc.uint8Array({ maxLength: 40 }),
          fc.uint8Array({ maxLength: 40 }),
          async (each, before, after) => {
            // A letter more would make another digest; other spellings stand between whatever they like.
            const space = Buffer.from(' ')
            const bytes = Buffer.concat([Buffer.from(before), space, write(each.mark), space, Buffer.from(after)])
            assert.ok((await finder.find(bytes)).some(({ planted }) => planted === each))
          },
        ),
        { seed: 11, numRuns: 60 },
      )
    })
  }

  test('opens raw deflate that fills a place', async () => {
    const [each] = sowing.planted
    assert.deepEqual(
      (await finder.find(deflateRawSync(`x${each?.mark}`))).map(({ planted }) => planted),
      [each],
    )
  })

  test('knows the base64 of a longer text at every alignment', async () => {
    for (const each of sowing.planted) {
      for (const before of ['', 'x', 'xy', 'xyz']) {
        const bytes = Buffer.from(Buffer.from(`${before}${each.mark}, and more`).toString('base64'))
        assert.ok((await finder.find(bytes)).some(({ planted }) => planted === each))
      }
    }
  })

  test('tells a sign without the rest of its mark as nobody’s', async () => {
    assert.deepEqual(await finder.find(Buffer.from(`a ${sowing.sign} b`)), [{ planted: undefined, how: 'in clear' }])
  })

  test('finds nothing in bytes that nobody planted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
        assert.deepEqual(await finder.find(Buffer.from(bytes)), [])
      }),
      { seed: 12, numRuns: 300 },
    )
  })
})

describe('what is planted', () => {
  test('has a mark of its own for every path and kind, within the text that is sent', () => {
    assert.equal(sowing.planted.length, 6)
    assert.equal(new Set(sowing.planted.map(({ mark }) => mark)).size, 6)
    assert.ok(sowing.planted.every(({ mark, text }) => mark.startsWith(sowing.sign) && text.includes(mark)))
  })

  test('is one value in turn for a costly path, and for all in a quick look', () => {
    const paths = [
      { id: 'slow', plant: async () => undefined, costly: true as const },
      { id: 'b', plant: async () => undefined },
    ]
    assert.deepEqual(
      sow(paths, ['names', 'doses'], seededRandom(1), true).planted.map(({ path, of }) => `${path} ${of}`),
      ['slow names', 'b names', 'b doses'],
    )
    assert.deepEqual(
      sow(paths, ['names', 'doses'], seededRandom(1), false).planted.map(({ path, of }) => `${path} ${of}`),
      ['slow names', 'b doses'],
    )
  })
})
