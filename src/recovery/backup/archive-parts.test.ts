import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { ByteStream } from '../stores/store.ts'
import { type ArchivePart, cutArchive } from './archive-parts.ts'
import { readTar } from './tar-reader.ts'

/** An archive as Postgres writes it: a header, the content, padding; two blocks of zeros at the end. */
function archiveOf(files: readonly { name: string; content: Buffer }[]): Buffer {
  const entries = files.flatMap(({ name, content }) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
    header.write('        ', 148)
    header.write('0', 156)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]
  })
  return Buffer.concat([...entries, Buffer.alloc(1024)])
}

async function gather(stream: ByteStream): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const piece of stream) parts.push(Buffer.from(piece))
  return Buffer.concat(parts)
}

async function* once(bytes: Buffer): ByteStream {
  yield bytes
}

async function cut(archive: Buffer, partBytes: number, pieceBytes: number): Promise<Buffer[]> {
  const cutter = cutArchive(partBytes, () => {})
  const taking = (async () => {
    const parts: Buffer[] = []
    for await (const part of cutter.parts) parts.push(await taken(part))
    return parts
  })()
  for (let at = 0; at < archive.length; at += pieceBytes) cutter.add(archive.subarray(at, at + pieceBytes))
  cutter.end()
  const parts = await taking
  assert.equal(cutter.waiting(), 0)
  return parts
}

async function taken(part: ArchivePart): Promise<Buffer> {
  const bytes = await gather(part.bytes)
  assert.equal(part.length(), bytes.length)
  return bytes
}

const names = fc.integer({ min: 1, max: 2_000 })
const files = fc
  .array(names, { maxLength: 12 })
  .map((sizes) => sizes.map((size, index) => ({ name: `base/1/${index}`, content: Buffer.alloc(size, index + 1) })))

suite('parts of an archive', () => {
  test('together are the archive, and each can be read alone, wherever the pieces end in which it came', async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.integer({ min: 1, max: 6_000 }),
        fc.integer({ min: 1, max: 3_000 }),
        async (all, partBytes, pieceBytes) => {
          const archive = archiveOf(all)
          const parts = await cut(archive, partBytes, pieceBytes)
          assert.deepEqual(Buffer.concat(parts), archive)
          const read: string[] = []
          for (const part of parts) {
            for await (const entry of readTar(once(part), 'base.tar')) {
              const content = await gather(entry.content)
              const file = all[read.length]
              assert.deepEqual([entry.name, content], [file?.name, file?.content])
              read.push(entry.name)
            }
          }
          assert.equal(read.length, all.length)
          // All but the last are as large as was asked, and larger by no more than the entry that crossed the border.
          for (const part of parts.slice(0, -1)) assert.ok(part.length >= partBytes && part.length < partBytes + 2_560)
        },
      ),
    )
  })

  test('a stream that is no archive is refused', async () => {
    const cutter = cutArchive(1_000, () => {})
    assert.throws(() => cutter.add(Buffer.alloc(512, 7)), /archive that cannot be read/)
  })
})
