import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { withClient } from '../../postgres/connection.ts'
import { makePlace, type Place } from '../../recovery/cluster.fixture.ts'
import { filePlaces } from './places.ts'
import { isNamedLikeWal, withoutPageHeaders } from './wal-pages.ts'

const count = 4_000
const wordsIn = (bytes: Buffer) => new Set(bytes.toString('latin1').match(/bcdfghjkm[q0-9]{7}/g))

suite('WAL of a server whose rows lie across its pages', { timeout: 120_000 }, () => {
  let place: Place
  before(async () => {
    place = await makePlace()
    const server = await place.server()
    await withClient(server.url(), async (client) => {
      await client.query('CREATE TABLE entry (text text)')
      // Without images of pages, which would hold each word a second time.
      await client.query('CHECKPOINT')
      await client.query(
        `INSERT INTO entry SELECT 'bcdfghjkm' || lpad(n::text, 7, 'q') FROM generate_series(0, $1::int - 1) AS n`,
        [count],
      )
    })
    await server.stop()
  })
  after(() => place.remove())

  test('every word stands in it once the headers are out, and some are cut before', async () => {
    const directory = place.path('data', 'pg_wal')
    const names = (await readdir(directory)).filter(isNamedLikeWal)
    const segments = await Promise.all(names.map((name) => readFile(join(directory, name))))
    assert.ok(wordsIn(Buffer.concat(segments)).size < count)
    assert.equal(wordsIn(Buffer.concat(segments.map(withoutPageHeaders))).size, count)
  })

  test('a search of files sees every word in it', async () => {
    const found = new Set<string>()
    for (const { bytes } of await filePlaces(place.path('data', 'pg_wal'), 'files')) {
      for await (const piece of bytes()) for (const each of wordsIn(piece)) found.add(each)
    }
    assert.equal(found.size, count)
  })
})

test('what is no WAL stays as it is, whatever its name', () => {
  const other = Buffer.alloc(20_000, 7)
  assert.deepEqual(withoutPageHeaders(other), other)
})
