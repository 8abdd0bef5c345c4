import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Client } from 'pg'
import { withClient } from '../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { migrate, startTestServer, type TestServer } from './database.ts'

let server: TestServer
let database: PreparedDatabase

const [ana, bob, carla] = [randomUUID(), randomUUID(), randomUUID()]
const anasDose = randomUUID()

before(async () => {
  server = await startTestServer()
  database = await server.createDatabase('medtime')
  await migrate(database.ownerUrl)
  await withClient(database.adminUrl, async (client) => {
    await client.query('INSERT INTO srv_users (user_id, sequence) VALUES ($1, 1), ($2, 1), ($3, 0)', [ana, bob, carla])
    await client.query(
      `INSERT INTO srv_encrypted_entities
         (id, user_id, entity_type, encrypted_blob, client_id, key_id, blob_size, checksum, sequence, epoch)
       SELECT id, owner, 'dose', 'abc', 'phone', 'k', 3, repeat('0', 64), 1, 1
       FROM (VALUES ($1::uuid, $2::uuid), ($3, $4)) AS v (id, owner)`,
      [anasDose, ana, randomUUID(), bob],
    )
    for (const user of [ana, bob]) {
      await client.query(`INSERT INTO srv_sync_status (user_id, device_id) VALUES ($1, 'phone')`, [user])
      await client.query('INSERT INTO srv_user_preferences (user_id) VALUES ($1)', [user])
      await client.query(`INSERT INTO srv_ocr_requests (user_id, status) VALUES ($1, 'done')`, [user])
    }
  })
})
after(() => server.stop())

const tenantTables = [
  'srv_users',
  'srv_encrypted_entities',
  'srv_sync_status',
  'srv_user_preferences',
  'srv_ocr_requests',
]

/** Runs as the API does for a user, and takes everything back. */
async function as<T>(user: string | undefined, work: (client: Client) => Promise<T>): Promise<T> {
  return withClient(database.roleUrl('medtime_api'), async (client) => {
    await client.query('BEGIN')
    if (user !== undefined) {
      await client.query(`SELECT set_config('request.jwt.claims', $1, true)`, [JSON.stringify({ sub: user })])
    }
    try {
      return await work(client)
    } finally {
      await client.query('ROLLBACK')
    }
  })
}

const usersIn = async (client: Client, table: string) =>
  (await client.query<{ user_id: string }>(`SELECT DISTINCT user_id FROM ${table}`)).rows.map((row) => row.user_id)

async function link(status: string, work: () => Promise<void>): Promise<void> {
  await withClient(database.adminUrl, (client) =>
    client.query(
      `INSERT INTO srv_family_links (supervised_user_id, supervisor_id, status, entity_types)
       VALUES ($1, $2, $3, '{dose}')`,
      [ana, carla, status],
    ),
  )
  try {
    await work()
  } finally {
    await withClient(database.adminUrl, (client) => client.query('DELETE FROM srv_family_links'))
  }
}

test('a user sees own rows and nobody else’s, in every table', async () => {
  for (const table of tenantTables) {
    assert.deepEqual(await as(ana, (client) => usersIn(client, table)), [ana], table)
    assert.deepEqual(await as(bob, (client) => usersIn(client, table)), [bob], table)
  }
})

test('without a user nothing is seen, by the API as little as by the owner of the tables', async () => {
  for (const table of tenantTables) {
    assert.deepEqual(await as(undefined, (client) => usersIn(client, table)), [], table)
    assert.deepEqual(await withClient(database.ownerUrl, (client) => usersIn(client, table)), [], `${table} as owner`)
  }
})

test('a user can neither change nor take over nor make rows of another', async () => {
  const update = 'UPDATE srv_encrypted_entities SET version = version + 1 WHERE user_id = $1'
  assert.equal((await as(bob, (client) => client.query(update, [ana]))).rowCount, 0)
  const insert = `INSERT INTO srv_encrypted_entities
    (id, user_id, entity_type, encrypted_blob, client_id, key_id, blob_size, checksum, sequence, epoch)
    VALUES ($1, $2, 'dose', 'abc', 'phone', 'k', 3, repeat('0', 64), 9, 1)`
  await assert.rejects(
    as(bob, (client) => client.query(insert, [randomUUID(), ana])),
    { code: '42501' },
  )
  await assert.rejects(
    as(bob, (client) => client.query('UPDATE srv_encrypted_entities SET user_id = $1', [ana])),
    { code: '42501' },
  )
})

test('the id of another user’s entity is as free as any other', async () => {
  const insert = `INSERT INTO srv_encrypted_entities
    (id, user_id, entity_type, encrypted_blob, client_id, key_id, blob_size, checksum, sequence, epoch)
    VALUES ($1, $2, 'dose', 'abc', 'phone', 'k', 3, repeat('0', 64), 9, 1)`
  assert.equal((await as(bob, (client) => client.query(insert, [anasDose, bob]))).rowCount, 1)
})

test('the API deletes nothing and changes nothing that names a row', async () => {
  for (const statement of [
    'DELETE FROM srv_encrypted_entities',
    'DELETE FROM srv_users',
    'TRUNCATE srv_encrypted_entities',
    'UPDATE srv_encrypted_entities SET id = gen_random_uuid()',
    'UPDATE srv_encrypted_entities SET created_at = now()',
    `INSERT INTO srv_family_links (supervised_user_id, supervisor_id, status) VALUES ('${ana}', '${bob}', 'active')`,
    'UPDATE srv_sync_epoch SET epoch = 1',
    'SELECT srv_raise_epoch()',
    'ALTER TABLE srv_encrypted_entities DISABLE ROW LEVEL SECURITY',
    'SET ROLE medtime_owner',
  ]) {
    await assert.rejects(
      as(ana, (client) => client.query(statement)),
      { code: '42501' },
      statement,
    )
  }
  await withClient(database.adminUrl, async (client) => {
    const { rows } = await client.query(
      `SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = 'medtime_api'`,
    )
    assert.deepEqual(rows, [{ rolsuper: false, rolbypassrls: false, rolcreaterole: false }])
  })
})

test('an active link lets a supervisor read the entities, and only them, and never write', async () => {
  await link('active', async () => {
    await as(carla, async (client) => {
      assert.deepEqual(await usersIn(client, 'srv_encrypted_entities'), [ana])
      for (const table of ['srv_sync_status', 'srv_user_preferences', 'srv_ocr_requests']) {
        assert.deepEqual(await usersIn(client, table), [], table)
      }
      const { rowCount } = await client.query('UPDATE srv_encrypted_entities SET version = 7')
      assert.equal(rowCount, 0)
    })
    assert.deepEqual(await as(bob, (client) => usersIn(client, 'srv_encrypted_entities')), [bob], 'a third party')
    assert.deepEqual(await as(ana, (client) => usersIn(client, 'srv_encrypted_entities')), [ana], 'not the other way')
  })
})

test('a link that is pending or revoked lets nobody read', async () => {
  for (const status of ['pending', 'revoked']) {
    await link(status, async () => {
      assert.deepEqual(await as(carla, (client) => usersIn(client, 'srv_encrypted_entities')), [], status)
    })
  }
})

test('a call names its user for its own transaction only', async () => {
  await withClient(database.roleUrl('medtime_api'), async (client) => {
    await client.query('SELECT * FROM srv_status($1, 10)', [ana])
    assert.deepEqual(await usersIn(client, 'srv_encrypted_entities'), [])
  })
})
