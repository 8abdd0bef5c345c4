import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import fc from 'fast-check'
import type { ByteStream } from '../stores/store.ts'
import { patchedPath, patchFile } from './incremental-file.ts'

const pageBytes = 8_192
const page = (value: number) => Buffer.alloc(pageBytes, value)

interface Change {
  keep: number
  pages: readonly (readonly [number, number])[]
}

/** As a server writes it; from `basebackup.c`. */
function incrementalFile({ keep, pages }: Change): Buffer {
  const head = Buffer.alloc(12 + pages.length * 4)
  head.writeUInt32LE(0xd3ae1f0d, 0)
  head.writeUInt32LE(pages.length, 4)
  head.writeUInt32LE(keep, 8)
  pages.forEach(([number], at) => {
    head.writeUInt32LE(number, 12 + at * 4)
  })
  const padding = pages.length === 0 ? 0 : (pageBytes - (head.length % pageBytes)) % pageBytes
  return Buffer.concat([head, Buffer.alloc(padding), ...pages.map(([, value]) => page(value))])
}

/** In pieces, whose memory is used again as soon as the next one is asked for, as that of blocks of an object is. */
async function* inPieces(bytes: Buffer, pieceBytes: number): ByteStream {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = Buffer.from(bytes.subarray(at, at + pieceBytes))
    yield piece
    piece.fill(0xee)
  }
}

/** What the file should be: each page one value. */
function modelOf(file: readonly number[], { keep, pages }: Change): number[] {
  const length = Math.max(keep, ...pages.map(([number]) => number + 1))
  const changed = new Map(pages)
  return Array.from({ length }, (_, at) => changed.get(at) ?? (at < keep ? (file[at] ?? 0) : 0))
}

suite('a file that holds changed pages', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aval-patch-'))
  })
  after(() => rm(folder, { recursive: true }))

  const patch = async (path: string, content: ByteStream) => {
    const file = await open(path, 'r+')
    try {
      return await patchFile(file, content)
    } finally {
      await file.close()
    }
  }

  test('brings the file before it to the state of its server, whatever changed, one after the other', async () => {
    const value = fc.integer({ min: 1, max: 200 })
    const change = fc.record({
      keep: fc.nat(12),
      pages: fc
        .uniqueArray(fc.tuple(fc.nat(20), value), { selector: ([number]) => number, maxLength: 20 })
        .map((pages) => pages.toSorted(([a], [b]) => a - b)),
    })
    const path = join(folder, 'property')
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { maxLength: 12 }),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 100, max: 40_000 }),
        async (first, changes, pieceBytes) => {
          await writeFile(path, Buffer.concat(first.map(page)))
          let model: number[] = first
          for (const each of changes) {
            model = modelOf(model, each)
            const { length } = await patch(path, inPieces(incrementalFile(each), pieceBytes))
            assert.equal(length, model.length)
          }
          assert.ok((await readFile(path)).equals(Buffer.concat(model.map(page))))
        },
      ),
      { numRuns: 60 },
    )
  })

  test('is refused when it is not what a server writes', async () => {
    const path = join(folder, 'refused')
    const good = incrementalFile({ keep: 2, pages: [[1, 7]] })
    const otherwise = (at: number, value: number) => {
      const bytes = Buffer.from(good)
      bytes.writeUInt32LE(value, at)
      return bytes
    }
    const bad: [Buffer, RegExp][] = [
      [otherwise(0, 1), /does not begin/],
      [otherwise(4, 200_000), /more pages/],
      [otherwise(8, 200_000), /more pages/],
      [otherwise(12, 131_072), /not in order/],
      [
        incrementalFile({
          keep: 2,
          pages: [
            [1, 7],
            [1, 8],
          ],
        }),
        /not in order/,
      ],
      [good.subarray(0, -1), /ends before/],
      [good.subarray(0, 8), /ends before/],
      [Buffer.concat([good, Buffer.alloc(1)]), /goes on/],
    ]
    for (const [bytes, message] of bad) {
      await writeFile(path, page(1))
      await assert.rejects(patch(path, inPieces(bytes, 5_000)), { message })
    }
  })

  test('is known by its name', () => {
    assert.equal(patchedPath('base/5/INCREMENTAL.16384.1'), 'base/5/16384.1')
    assert.equal(patchedPath('base/5/16384'), undefined)
  })
})
