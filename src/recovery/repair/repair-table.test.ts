import assert from 'node:assert/strict'
import { mkdir, open, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import { createBackup } from '../backup/base-backup.ts'
import { makePlace } from '../cluster.fixture.ts'
import { withRestoredBeside } from '../restore/restored-beside.ts'
import { findPageDamage } from './find-page-damage.ts'
import { nameDamage } from './name-damage.ts'
import { repairTableFromBackup } from './repair-table.ts'

test('a damaged table is found, named, and filled again with every acknowledged row', {
  timeout: 90_000,
}, async (t) => {
  const place = await makePlace()
  t.after(() => place.remove())
  const first = await place.server()
  const receiver = await place.receiver(first)
  await withClient(first.url(), (client) =>
    client.query(`
      CREATE TABLE entry (id int PRIMARY KEY, body text, big text);
      CREATE TABLE line (entry int REFERENCES entry, note text);
      COMMENT ON CONSTRAINT line_entry_fkey ON line IS 'kept';
      INSERT INTO entry SELECT n, 'first ' || n, NULL FROM generate_series(1, 5000) n;
      INSERT INTO line SELECT n, 'x' FROM generate_series(1, 5000) n`),
  )
  await createBackup({ url: first.url(), repository: place.repository, clock: systemClock, receiver })
  await withClient(first.url(), (client) =>
    client.query(`INSERT INTO entry VALUES (6000, 'after the backup', repeat('long', 9000));
      UPDATE entry SET body = 'changed' WHERE id = 3; DELETE FROM line WHERE entry = 4; CHECKPOINT`),
  )
  await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 20_000)
  const content = 'SELECT md5(string_agg(e::text, chr(10) ORDER BY id)) AS sum, count(*)::int FROM entry e'
  const query = (url: string, sql: string) => withClient(url, async (client) => (await client.query(sql)).rows)
  const before = await query(first.url(), content)
  const [{ path = '' } = {}] = await query(first.url(), `SELECT pg_relation_filepath('entry') AS path`)
  await receiver.stop()
  await first.stop()

  const file = await open(join(first.dataDirectory, path), 'r+')
  for (const block of [3, 17]) await file.write(Buffer.from('damage'), 0, 6, block * 8192 + 5000)
  await file.close()
  const { pages } = await findPageDamage({ dataDirectory: first.dataDirectory, clock: systemClock })
  assert.deepEqual(
    pages.map((page) => [page.file, page.block, page.problem]),
    [
      [path, 3, 'checksum'],
      [path, 17, 'checksum'],
    ],
  )

  const server = await place.server()
  const second = await place.receiver(server)
  const [damaged, ...others] = await nameDamage(server, pages)
  assert.deepEqual(others, [])
  assert.deepEqual(damaged, {
    database: 'postgres',
    relation: 'public.entry',
    table: 'public.entry',
    remedy: 'reload',
    blocks: [3, 17],
    otherPages: 0,
  })
  await assert.rejects(query(server.url(), content), /invalid page in block 3/)

  // What a call that was killed left: no process has this number.
  await mkdir(place.path('scratch', 'beside-999999999', 'base'), { recursive: true })
  await writeFile(place.path('scratch', 'beside-999999999.secret'), 'left')
  const ended = Promise.withResolvers<void>()
  let beside: Promise<unknown> | undefined
  const report = await repairTableFromBackup({
    url: server.url(),
    table: 'public.entry',
    copyAt: (upTo) => {
      const ready = Promise.withResolvers<string>()
      beside = withRestoredBeside(
        {
          repository: place.repository,
          directory: place.path('scratch'),
          at: 'latest',
          upTo,
          binaries: place.binaries,
          clock: systemClock,
          database: 'postgres',
          owner: 'aval',
        },
        async ({ url }) => {
          ready.resolve(url)
          await ended.promise
        },
      ).catch(ready.reject)
      return ready.promise
    },
  })
  ended.resolve()
  await beside
  await second.stop()
  assert.equal(report.rows, 5001)
  assert.deepEqual(await query(server.url(), content), before)
  // The keys that refer to it are back, checked, with what was said about them.
  assert.deepEqual(
    await query(
      server.url(),
      `SELECT convalidated, obj_description(oid, 'pg_constraint') AS said FROM pg_constraint WHERE conname = 'line_entry_fkey'`,
    ),
    [{ convalidated: true, said: 'kept' }],
  )
  await query(server.url(), 'CHECKPOINT')
  assert.deepEqual((await findPageDamage({ dataDirectory: server.dataDirectory, clock: systemClock })).pages, [])
  assert.deepEqual(await readdir(place.path('scratch')), [])
})
