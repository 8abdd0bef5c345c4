import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pageBytes, pageChecksum, pagesPerFile } from '../repair/page-checksum.ts'
import { firstDamagedPage } from './check-patched.ts'

/** A page last changed at a position, with the checksum of its block. */
function page(block: number, lsn: number): Uint8Array {
  const words = new Int32Array(pageBytes / 4).fill(block + 7)
  words[0] = 0
  words[1] = lsn
  words[2] = 0
  // Its free space ends at 8 000, so that it is not a new page.
  words[3] = 8_000 << 16
  words[2] = pageChecksum(words, block)
  return new Uint8Array(words.buffer)
}

test('a page is damaged without its checksum, unless the WAL holds it whole', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'aval-pages-'))
  t.after(() => rm(folder, { recursive: true }))
  const first = async (name: string, ...pages: Uint8Array[]) => {
    await writeFile(join(folder, name), Buffer.concat(pages))
    return firstDamagedPage(folder, name, 100n)
  }
  const damaged = (block: number, lsn: number) => page(block, lsn).map((byte, at) => (at === 5_000 ? byte ^ 1 : byte))
  assert.equal(await first('16384', page(0, 50), new Uint8Array(pageBytes), page(2, 50)), undefined)
  assert.equal(await first('16384', page(0, 50), damaged(1, 99)), 1)
  assert.equal(await first('16384', page(0, 50), damaged(1, 100)), undefined)
  assert.equal(await first('16384', page(1, 50)), 0, 'a page of another block')
  assert.equal(await first('16384', page(0, 50), page(1, 50).subarray(1)), 1, 'one that ends before its time')
  assert.equal(await first('16384.1', page(pagesPerFile, 50), damaged(pagesPerFile + 1, 50)), pagesPerFile + 1)
})
