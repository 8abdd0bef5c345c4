import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { Client } from 'pg'
import { withClient } from '../../../../../src/postgres/connection.ts'
import { migrate, startTestServer, type TestServer } from '../../../test/database.ts'
import { packedTypes, unpackPage } from './packed-page.ts'
import { changeOf, pullTypes } from './pull-types.ts'

let server: TestServer
let adminUrl: string
let api: Client
before(async () => {
  server = await startTestServer()
  const database = await server.createDatabase('pages')
  await migrate(database.ownerUrl)
  adminUrl = database.adminUrl
  api = new Client({ connectionString: database.roleUrl('medtime_api') })
  await api.connect()
})
after(async () => {
  await api.end()
  await server.stop()
})

interface Entity {
  bytes: number
  gap: number
  deleted: boolean
  microseconds: number
}

/** A user whose numbers have gaps, as those of changed entities have. */
async function userWith(entities: readonly Entity[], floor: number): Promise<string> {
  const user = randomUUID()
  await withClient(adminUrl, async (admin) => {
    let sequence = 0
    await admin.query('BEGIN')
    await admin.query('INSERT INTO srv_users (user_id, floor) VALUES ($1, $2)', [user, floor])
    for (const [index, { bytes, gap, deleted, microseconds }] of entities.entries()) {
      sequence += gap
      const blob = createHash('shake256', { outputLength: bytes }).update(String(index)).digest()
      await admin.query(
        `INSERT INTO srv_encrypted_entities (id, user_id, entity_type, encrypted_blob, version, updated_at, deleted_at, client_id,
           key_id, blob_size, checksum, sequence, epoch)
         VALUES ($1, $2, $3, $4, $5, timestamptz '2026-02-03 04:05:06Z' + $6 * interval '1 microsecond', $7, $8, $9, $10, $11, $12, 1)`,
        [
          randomUUID(),
          user,
          index % 2 === 0 ? 'medication' : 'null',
          blob,
          index + 1,
          microseconds,
          deleted ? new Date() : null,
          'NULL',
          '"{,}\\',
          bytes,
          createHash('sha256').update(blob).digest('hex'),
          sequence,
        ],
      )
    }
    await admin.query('UPDATE srv_users SET sequence = $2 WHERE user_id = $1', [user, sequence])
    await admin.query('COMMIT')
  })
  return user
}

interface Asked {
  epoch: number | null
  after: number
  limit: number
  bytes: number
  floor: number
}

const valuesOf = (user: string, { epoch, after: given, limit, bytes, floor }: Asked) => [
  user,
  'device',
  new Date('2026-03-01T00:00:00Z'),
  epoch,
  given,
  null,
  limit,
  bytes,
  floor,
]

/** The page, row by row, as the release before reads it. */
async function readByRow(user: string, asked: Asked) {
  const { rows } = await api.query({
    text: 'SELECT * FROM srv_read($1,$2,$3,$4,$5,$6,$7,$8,$9)',
    values: valuesOf(user, asked),
    types: pullTypes,
  })
  const [head, ...page] = rows
  return {
    change_epoch: head.change_epoch,
    floor: head.floor,
    expired: head.expired ?? false,
    number: head.number,
    more: head.more,
    changes: page.map(changeOf),
  }
}

async function readPacked(user: string, asked: Asked) {
  const { rows } = await api.query({
    text: 'SELECT * FROM srv_text_page($1,$2,$3,$4,$5,$6,$7,$8,$9)',
    values: valuesOf(user, asked),
    types: packedTypes,
  })
  return unpackPage(rows)
}

const entity = fc.record({
  bytes: fc.integer({ min: 1, max: 3_000 }),
  gap: fc.integer({ min: 1, max: 3 }),
  deleted: fc.boolean(),
  microseconds: fc.integer({ min: 0, max: 9_999_999_999 }),
})

test('a packed page is the page row by row, wherever it begins and whatever cuts it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entity, { maxLength: 12 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 12_000 }),
      async (entities, floor, limit, bytes) => {
        const user = await userWith(entities, floor)
        for (let given = 0; given <= 13; given++) {
          const asked = { epoch: 1, after: given, limit, bytes, floor: given % 2 === 0 ? floor : 0 }
          const [rows, packed] = [await readByRow(user, asked), await readPacked(user, asked)]
          assert.equal(packed.expired, rows.expired)
          if (!packed.expired) assert.deepEqual(packed, rows)
        }
      },
    ),
    { numRuns: 40 },
  )
})

test('of another epoch nothing is told but which', async () => {
  const user = await userWith([{ bytes: 10, gap: 1, deleted: false, microseconds: 0 }], 0)
  const asked = { epoch: 7, after: 0, limit: 5, bytes: 1_000, floor: 0 }
  const page = await readPacked(user, asked)
  assert.equal(page.change_epoch, 1)
  await withClient(adminUrl, async (admin) => {
    const { rowCount } = await admin.query('SELECT FROM srv_sync_status WHERE user_id = $1', [user])
    assert.equal(rowCount, 0, 'and no device is noted as having been given it')
  })
})

test('tombstones that went from the end leave no page that says another follows for ever', async () => {
  const deleted = { bytes: 1, gap: 1, deleted: true, microseconds: 0 }
  const user = await userWith([deleted, deleted, deleted], 0)
  await withClient(adminUrl, (admin) =>
    admin.query('DELETE FROM srv_encrypted_entities WHERE user_id = $1 AND sequence > 1', [user]),
  )
  for (const limit of [1, 2]) {
    let page = await readPacked(user, { epoch: 1, after: 0, limit, bytes: 1_000, floor: 0 })
    assert.equal(page.changes.length, 1)
    if (page.more) page = await readPacked(user, { epoch: 1, after: page.number, limit, bytes: 1_000, floor: 0 })
    assert.equal(page.more, false)
    assert.equal(page.number, 1)
  }
})
