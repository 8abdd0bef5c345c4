import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { withClient } from '../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { mergeTable } from '../../../src/recovery/extract/merge-table.ts'
import { migrate, startTestServer, type TestServer } from './database.ts'

let server: TestServer
let source: PreparedDatabase
let target: PreparedDatabase
before(async () => {
  server = await startTestServer()
  for (const name of ['source', 'target']) {
    const database = await server.createDatabase(name)
    await migrate(database.ownerUrl)
    await withClient(database.adminUrl, (client) =>
      client.query(`INSERT INTO srv_users (user_id, sequence) SELECT gen_random_uuid(), 3 FROM generate_series(1, 5);
        INSERT INTO srv_user_preferences (user_id) SELECT user_id FROM srv_users;
        INSERT INTO srv_ocr_requests (user_id, status) SELECT user_id, 'done' FROM srv_users;
        INSERT INTO srv_sync_status (user_id, device_id) SELECT user_id, 'phone' FROM srv_users;
        INSERT INTO srv_family_links SELECT user_id, gen_random_uuid() FROM srv_users;
        INSERT INTO srv_encrypted_entities (user_id, entity_type, encrypted_blob, client_id, key_id, blob_size, checksum, sequence, epoch)
          SELECT user_id, 'dose', '\\x00ff', 'phone', 'k', 2, repeat('a', 64), n, 1 FROM srv_users, generate_series(1, 3) n`),
    )
    if (name === 'source') source = database
    else target = database
  }
  // The same people in both.
  await withClient(source.adminUrl, async (client) => {
    const { rows } = await client.query<{ user_id: string }>('SELECT user_id FROM srv_users')
    await withClient(target.adminUrl, (there) =>
      there.query('INSERT INTO srv_users (user_id, sequence) SELECT unnest($1::uuid[]), 3', [
        rows.map((row) => row.user_id),
      ]),
    )
  })
})
after(() => server.stop())

for (const table of [
  'srv_encrypted_entities',
  'srv_sync_status',
  'srv_family_links',
  'srv_user_preferences',
  'srv_ocr_requests',
]) {
  test(`${table} comes back as the migrations make it, by the owner alone`, async () => {
    await withClient(target.ownerUrl, (client) => client.query(`DROP TABLE ${table} CASCADE`))
    const report = await mergeTable({
      from: source.adminUrl,
      into: target.ownerUrl,
      table,
      after: ['SELECT srv_raise_epoch()'],
    })
    const unfit = report.referring.filter((key) => key.unfit > 0)
    assert.deepEqual([report.unmerged, unfit, report.missing], [0, [], []])
    assert.equal(report.rows, table === 'srv_encrypted_entities' ? 15 : 5)
    const policies = async (url: string) =>
      withClient(url, async (client) => (await client.query('SELECT * FROM pg_policies ORDER BY 2, 3')).rows)
    assert.deepEqual(await policies(target.adminUrl), await policies(source.adminUrl))
  })
}
