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
      for (const statement of [
        `INSERT INTO srv_rotations (user_id, rotation, begun_at) VALUES ($1, gen_random_uuid(), now())`,
        `INSERT INTO srv_rotation_entities
           (user_id, id, entity_type, encrypted_blob, version, base, deleted, blob_size, checksum)
           VALUES ($1, gen_random_uuid(), 'dose', 'abc', 2, 1, false, 3, repeat('0', 64))`,
        `WITH file AS (
           INSERT INTO srv_files (user_id, id, size, checksum) VALUES ($1, gen_random_uuid(), 3, repeat('0', 64)) RETURNING id
         ) INSERT INTO srv_file_chunks (user_id, file_id, place, bytes) SELECT $1, id, 0, 'abc' FROM file`,
      ])
        await client.query(statement, [user])
      await client.query(
        `INSERT INTO srv_family_invites (user_id, invite_id, secret_hash, commitment, entity_types)
         VALUES ($1, gen_random_uuid(), sha256('u'), sha256('c'), '{dose}')`,
        [user],
      )
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
  'srv_rotations',
  'srv_rotation_entities',
  'srv_files',
  'srv_file_chunks',
  'srv_family_invites',
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
    'DELETE FROM srv_file_chunks',
    'UPDATE srv_files SET size = 1',
    'UPDATE srv_users SET floor = 0',
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

test('of a supervised person nothing but the types that the link names is read, and nothing after it is over', async () => {
  const rows = (client: Client) => client.query('SELECT entity_type FROM srv_encrypted_entities')
  for (const change of [`entity_types = '{medication}'`, `entity_types = '{}'`, 'expires_at = now()']) {
    await link('active', async () => {
      assert.equal((await as(carla, rows)).rowCount, 1)
      await withClient(database.adminUrl, (client) => client.query(`UPDATE srv_family_links SET ${change}`))
      assert.equal((await as(carla, rows)).rowCount, 0, change)
    })
  }
})

/** Carla reads of Ana, and tries to write. Refused, or as if there were no row to write. */
async function writesNothing(statement: string): Promise<void> {
  const written = await as(carla, async (client) => (await client.query(statement)).rowCount).catch(
    (error: unknown) => {
      assert.ok(error instanceof Error && 'code' in error && error.code === '42501', `${statement}: ${error}`)
      return 0
    },
  )
  assert.equal(written, 0, statement)
}

test('a supervisor writes nothing of the supervised, in any table', async () => {
  await link('active', async () => {
    for (const statement of [
      `UPDATE srv_encrypted_entities SET encrypted_blob = 'xyz' WHERE user_id = '${ana}'`,
      `UPDATE srv_encrypted_entities SET deleted_at = now() WHERE user_id = '${ana}'`,
      `INSERT INTO srv_encrypted_entities
         (id, user_id, entity_type, encrypted_blob, client_id, key_id, blob_size, checksum, sequence, epoch)
         VALUES (gen_random_uuid(), '${ana}', 'dose', 'abc', 'phone', 'k', 3, repeat('0', 64), 9, 1)`,
      `INSERT INTO srv_encrypted_entities
         (id, user_id, entity_type, encrypted_blob, client_id, key_id, blob_size, checksum, sequence, epoch)
         SELECT id, user_id, entity_type, 'xyz', client_id, key_id, 3, checksum, 2, epoch FROM srv_encrypted_entities
         ON CONFLICT (user_id, id) DO UPDATE SET encrypted_blob = excluded.encrypted_blob`,
      `UPDATE srv_users SET sequence = 99 WHERE user_id = '${ana}'`,
      `UPDATE srv_sync_status SET seen = 99 WHERE user_id = '${ana}'`,
      `INSERT INTO srv_sync_status (user_id, device_id) VALUES ('${ana}', 'hers')`,
      `INSERT INTO srv_family_keys (user_id, supervisor_id, collection, key_id, sealed)
         VALUES ('${ana}', '${carla}', 'dose', 'k', 'abc')`,
      `INSERT INTO srv_family_invites (user_id, invite_id, secret_hash, commitment, entity_types)
         VALUES ('${ana}', gen_random_uuid(), sha256('a'), sha256('a'), '{dose}')`,
      `UPDATE srv_family_links SET entity_types = '{dose,medication}'`,
      `UPDATE srv_family_links SET supervisor_public_key = sha256('a')`,
      `UPDATE srv_family_links SET expires_at = 'infinity'`,
      `UPDATE srv_family_links SET status = 'pending'`,
      'DELETE FROM srv_family_links',
      'DELETE FROM srv_family_keys',
    ]) {
      await writesNothing(statement)
    }
    const given = await as(carla, (client) => client.query(`UPDATE srv_family_links SET status = 'revoked'`))
    assert.equal(given.rowCount, 1, 'and may only give up')
  })
})

test('a link is neither made without an invite, nor made active by who wants to read, nor revived', async () => {
  const insert = (status: string, by: string) =>
    `INSERT INTO srv_family_links (supervised_user_id, supervisor_id, status, entity_types) VALUES ('${ana}', '${by}', '${status}', '{dose}')`
  for (const status of ['pending', 'active']) await writesNothing(insert(status, carla))
  await assert.rejects(
    as(ana, (client) => client.query(insert('active', carla))),
    { code: '42501' },
  )
  await link('pending', () => writesNothing(`UPDATE srv_family_links SET status = 'active'`))
  await link('revoked', async () => {
    await writesNothing(`UPDATE srv_family_links SET status = 'active'`)
    const revived = await as(ana, (client) => client.query(`UPDATE srv_family_links SET status = 'active'`))
    assert.equal(revived.rowCount, 0, 'not by the supervised either')
  })
})

test('an invite is seen by its owner, and by who presents its secret', async () => {
  const invite = randomUUID()
  const secret = 'a'.repeat(64)
  await withClient(database.adminUrl, (client) =>
    client.query(
      `INSERT INTO srv_family_invites (user_id, invite_id, secret_hash, commitment, entity_types)
       VALUES ($1, $2, decode($3, 'hex'), sha256('c'), '{dose}')`,
      [ana, invite, secret],
    ),
  )
  const seen = (user: string | undefined, presented?: string) =>
    as(user, async (client) => {
      if (presented !== undefined) await client.query(`SELECT set_config('request.invite', $1, true)`, [presented])
      return (await client.query('SELECT FROM srv_family_invites WHERE invite_id = $1', [invite])).rowCount
    })
  assert.deepEqual(
    [
      await seen(ana),
      await seen(carla),
      await seen(carla, 'b'.repeat(64)),
      await seen(carla, secret),
      await seen(undefined, secret),
    ],
    [1, 0, 0, 1, 0],
  )
  const accept = (client: Client, times: number) =>
    client.query(
      `INSERT INTO srv_family_links (supervised_user_id, supervisor_id, status, invite_id, entity_types, expires_at, commitment)
       SELECT $1, $2, 'pending', $3, '{dose}', now() + $4 * interval '7 days', sha256('c')`,
      [ana, carla, invite, times],
    )
  await assert.rejects(
    as(carla, (client) => accept(client, 1)),
    { code: '42501' },
    'not before it was taken',
  )
  await as(carla, async (client) => {
    await client.query(`SELECT set_config('request.invite', $1, true)`, [secret])
    await client.query('UPDATE srv_family_invites SET accepted_by = $1', [carla])
    assert.equal((await accept(client, 1)).rowCount, 1)
  })
  await assert.rejects(
    as(carla, async (client) => {
      await client.query(`SELECT set_config('request.invite', $1, true)`, [secret])
      await client.query('UPDATE srv_family_invites SET accepted_by = $1', [carla])
      await accept(client, 100)
    }),
    { code: '42501' },
    'not for longer than a link may wait',
  )
  await assert.rejects(
    as(carla, async (client) => {
      await client.query(`SELECT set_config('request.invite', $1, true)`, [secret])
      await client.query('UPDATE srv_family_invites SET accepted_by = $1', [bob])
    }),
    { code: '42501' },
    'not for somebody else',
  )
  await withClient(database.adminUrl, (client) =>
    client.query('DELETE FROM srv_family_invites WHERE invite_id = $1', [invite]),
  )
})

test('the keys of a link are read by its supervisor while it stands', async () => {
  const keys = (user: string) =>
    as(user, async (client) => (await client.query('SELECT key_id FROM srv_family_keys')).rowCount)
  for (const [status, count] of [
    ['pending', 0],
    ['active', 1],
    ['revoked', 0],
  ] as const) {
    await link(status, async () => {
      await withClient(database.adminUrl, (client) =>
        client.query(
          `INSERT INTO srv_family_keys (user_id, supervisor_id, collection, key_id, sealed) VALUES ($1, $2, 'dose', 'k', 'abc')`,
          [ana, carla],
        ),
      )
      assert.deepEqual([await keys(carla), await keys(ana), await keys(bob)], [count, 1, 0], status)
    })
  }
})
