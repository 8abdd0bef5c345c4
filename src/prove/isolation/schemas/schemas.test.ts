import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Client } from 'pg'
import { systemClock } from '../../../clock.ts'
import { rowSecurity } from '../../../plan/row-security.ts'
import { findBinaries } from '../../../postgres/binaries.ts'
import { withClient } from '../../../postgres/connection.ts'
import { startServer } from '../../../postgres/launch.ts'
import { checksumOf, type Migration } from '../../../postgres/migrations/migration.ts'
import { type TemporaryPlace, temporaryPlace } from '../../../postgres/place.ts'
import type { OwnedServer } from '../../../postgres/server.ts'
import { type Random, seededRandom } from '../../../random.ts'
import { type IsolationResult, isolateWithin } from '../isolate.ts'
import { makeSchema } from '../make-schema.ts'
import { asOwner, asSuperuser, type Case, cluster, shop } from './case.fixture.ts'
import { leaking } from './leaking.fixture.ts'
import { odd } from './odd.fixture.ts'
import { sound } from './sound.fixture.ts'

let place: TemporaryPlace
let server: OwnedServer

// One server and one database for all: whatever a schema adds to the shop is made in a transaction that never commits.
before(async () => {
  place = await temporaryPlace('aval-test')
  server = await startServer({
    dataDirectory: join(place.path, 'data'),
    binaries: await findBinaries('embedded'),
    clock: systemClock,
  })
  await withClient(server.url(), (client) => client.query(cluster))
  await withClient(server.url(), (client) => client.query('CREATE DATABASE shop OWNER shop_owner'))
  await withClient(server.url({ database: 'shop' }), (client) =>
    client.query(`REVOKE TEMPORARY ON DATABASE shop FROM PUBLIC; BEGIN ${asOwner} ${shop}; COMMIT`),
  )
})
after(async () => {
  await server.stop('immediate')
  await place.remove()
})

const attacked = (client: Client, roles: readonly string[]) =>
  isolateWithin(client, {
    owner: 'shop_owner',
    roles,
    rowSecurity: rowSecurity.parse({ tables: 'all', tenant: 'tenant_id', identity: { 'app.tenant': '{{tenant}}' } }),
    seed: 7,
  })

/** Attacks the shop with a schema on top of it. */
function attackedWith({ sql, roles = ['app'] }: Case): Promise<IsolationResult> {
  return withClient(server.url({ database: 'shop' }), async (client) => {
    await client.query(`BEGIN ${asOwner} ${sql} ${asSuperuser}`)
    const result = await attacked(client, roles)
    await client.query('ROLLBACK')
    return result
  })
}

const found = (result: IsolationResult) =>
  [...new Set(result.holes.map(({ role, way, on }) => `${role} ${way} ${on}`))].toSorted()

function sampleOf<T>(items: readonly T[], count: number, random: Random): T[] {
  const rest = [...items]
  return Array.from({ length: Math.min(count, rest.length) }, () => rest.splice(random.int(rest.length), 1)).flat()
}

const said = (result: IsolationResult, on: string) =>
  result.remarks.flatMap((remark) => (remark.on === on ? [remark.what] : [])).join('; ')

describe('a leaking schema', () => {
  for (const leak of leaking)
    test(`${leak.name}: every hole is found, and named with what closes it`, async () => {
      const open = await attackedWith(leak)
      assert.deepEqual(found(open), Object.keys(leak.holes).toSorted())
      for (const [hole, [statement, remedy]] of Object.entries(leak.holes)) {
        const shown = open.holes.find(({ role, way, on }) => `${role} ${way} ${on}` === hole)
        assert.match(shown?.statement ?? '', statement)
        assert.match(shown?.remedy ?? '', remedy)
      }
      assert.deepEqual(open.unmade, [])
    })
})

// Every one of them takes as long again: a run of the property tests with more examples tries all.
const seed = Number(process.env.AVAL_SEED ?? Date.now() % 2 ** 31)
const closing = sampleOf(leaking, Number(process.env.AVAL_EXAMPLES ?? 8), seededRandom(seed))

describe(`property: what a hole is said to be closed by closes it (seed ${seed})`, () => {
  for (const leak of closing)
    test(leak.name, async () => {
      const closed = await attackedWith({ ...leak, sql: `${leak.sql} ${asOwner} ${leak.mended}` })
      assert.deepEqual(found(closed), [])
    })
})

describe('a sound schema', () => {
  for (const schema of sound)
    test(`${schema.name}: no hole is found`, async () => {
      const result = await attackedWith(schema)
      assert.deepEqual(found(result), [])
      assert.deepEqual(result.unmade, [])
      assert.equal(result.controlled, true)
    })
})

describe('an odd schema', () => {
  for (const schema of odd)
    test(`${schema.name}: it is named, and the rest attacked`, async () => {
      const result = await attackedWith(schema)
      for (const [on, what] of Object.entries(schema.says)) assert.match(said(result, on), what)
      assert.deepEqual(found(result), schema.holes ?? [])
      assert.deepEqual(result.unmade, [])
    })

  test('of migrations of which one is broken: it is named, and those before it are there', async () => {
    const files = [
      'CREATE TABLE one (id int)',
      'CREATE TABLE two (id int);\nCREATE TABEL three (id int)',
      'CREATE TABLE four ()',
    ]
    const migrations = files.map((sql, at): Migration => {
      const name = `${at}.sql`
      return { id: String(at), name, file: `/migrations/${name}`, sql, checksum: checksumOf(sql), journaled: true }
    })
    await withClient(server.url(), (client) => client.query('CREATE DATABASE broken OWNER shop_owner'))
    const options = { clock: systemClock, signal: new AbortController().signal }
    const url = server.url({ user: 'shop_owner', password: 'shop', database: 'broken' })
    assert.match((await makeSchema(url, migrations, options)) ?? '', /^1\.sql: .*TABEL/s)
    const { rows } = await withClient(url, (client) =>
      client.query("SELECT relname FROM pg_class WHERE relname IN ('one', 'two', 'three', 'four')"),
    )
    assert.deepEqual(rows, [{ relname: 'one' }])
  })
})
