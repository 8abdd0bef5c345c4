import assert from 'node:assert/strict'
import { open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { findBinaries } from '../../postgres/binaries.ts'
import { withClient } from '../../postgres/connection.ts'
import { runToEnd } from '../../process.ts'
import { seededRandom } from '../../random.ts'
import { makePlace, type Place } from '../cluster.fixture.ts'
import { findPageDamage } from './find-page-damage.ts'

const installed = await findBinaries('installed').catch(() => undefined)
const skip = installed ? false : 'no Postgres with pg_checksums is installed on this machine'

let place: Place
let dataDirectory: string
let files: string[]
before(async () => {
  place = await makePlace(installed ? 'installed' : 'embedded')
  const server = await place.server()
  dataDirectory = server.dataDirectory
  files = await withClient(server.url(), async (client) => {
    await client.query(`CREATE TABLE entry AS SELECT n, repeat(n::text, 40) AS body FROM generate_series(1, 20000) n;
      CREATE INDEX entry_n ON entry (n); CREATE TABLE blank (n int)`)
    await client.query('VACUUM entry')
    await client.query('CHECKPOINT')
    const { rows } = await client.query<{ path: string }>(
      `SELECT pg_relation_filepath(oid) AS path FROM pg_class WHERE relname IN ('entry', 'entry_n', 'pg_class', 'pg_authid')`,
    )
    return rows.map(({ path }) => path)
  })
  await server.stop()
})
after(() => place.remove())

const scan = () => findPageDamage({ dataDirectory, clock: systemClock })

async function flip(file: string, offset: number): Promise<void> {
  const handle = await open(join(dataDirectory, file), 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, offset)
  await handle.write(Buffer.of((byte[0] ?? 0) ^ (1 << (offset % 8))), 0, 1, offset)
  await handle.close()
}

test('a sound cluster has no damage, and every relation was read', async () => {
  const { pages, files: count, blocks } = await scan()
  assert.deepEqual(pages, [])
  assert.ok(count > 200 && blocks > 1_000)
})

test('it finds exactly the pages that pg_checksums finds, wherever a bit was flipped', { skip }, async () => {
  const random = seededRandom(7)
  const kept = new Map<string, Buffer>()
  for (const file of files) kept.set(file, await readFile(join(dataDirectory, file)))
  for (const [file, bytes] of kept) {
    // Not where the end of the free space stands: both tools take a page whose end is 0 for a new one, and differ in what that means.
    for (let count = 0; count < 5; count++) {
      const offset = random.int(bytes.length)
      if (offset % 8192 < 14 || offset % 8192 > 15) await flip(file, offset)
    }
  }
  const ours = (await scan()).pages.map(({ file, block }) => `${file} ${block}`)
  const { stderr } = await runToEnd({
    program: join(installed?.directory ?? '', 'pg_checksums'),
    args: ['--check', '-D', dataDirectory],
  })
  const theirs = [...stderr.matchAll(/failed in file "([^"]+)", block (\d+)/g)].map(
    ([, file = '', block]) => `${file.slice(dataDirectory.length + 1)} ${block}`,
  )
  assert.ok(theirs.length >= 10)
  assert.deepEqual(ours.sort(), theirs.sort())
  for (const [file, bytes] of kept) await writeFile(join(dataDirectory, file), bytes)
})

test('a file cut short inside a page, and an empty page that is not empty, are damage', async () => {
  const file = files[0] ?? ''
  const path = join(dataDirectory, file)
  const kept = await readFile(path)
  await truncate(path, kept.length - 100)
  assert.deepEqual(
    (await scan()).pages.map(({ problem, block }) => [problem, block]),
    [['cut short', kept.length / 8192 - 1]],
  )
  const blank = Buffer.alloc(8192)
  blank[5000] = 1
  await writeFile(path, Buffer.concat([kept, blank]))
  assert.deepEqual(
    (await scan()).pages.map(({ problem, block }) => [problem, block]),
    [['not empty', kept.length / 8192]],
  )
  await writeFile(path, kept)
  assert.deepEqual((await scan()).pages, [])
})
