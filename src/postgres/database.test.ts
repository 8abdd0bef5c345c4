import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { findBinaries } from './binaries.ts'
import { withClient } from './connection.ts'
import { prepareDatabase } from './database.ts'
import { startServer } from './launch.ts'
import { type TemporaryPlace, temporaryPlace } from './place.ts'
import type { OwnedServer } from './server.ts'

let place: TemporaryPlace
let server: OwnedServer
const secret = new Uint8Array(32).fill(7)

before(async () => {
  place = await temporaryPlace('aval-test')
  const binaries = await findBinaries('embedded')
  server = await startServer({ dataDirectory: join(place.path, 'data'), binaries, clock: systemClock })
})

after(async () => {
  await server.stop()
  await place.remove()
})

const rows = (url: string, sql: string) => withClient(url, async (client) => (await client.query(sql)).rows)

test('the owner may make tables and roles but is no superuser; roles may do what they are granted', async () => {
  const database = await prepareDatabase(server, {
    name: 'shop',
    owner: 'shop_owner',
    roles: ['shop_api'],
    extensions: ['pgcrypto'],
    secret,
  })
  await rows(
    database.ownerUrl,
    'CREATE TABLE goods (name text); GRANT SELECT ON goods TO shop_api; CREATE ROLE shop_guest',
  )
  assert.deepEqual(await rows(database.roleUrl('shop_api'), 'SELECT * FROM goods'), [])
  assert.deepEqual(
    await rows(
      database.adminUrl,
      `SELECT rolname, rolsuper OR rolbypassrls OR rolreplication OR rolcreatedb AS privileged, rolcreaterole
       FROM pg_roles WHERE rolname IN ('shop_owner', 'shop_api') ORDER BY rolname`,
    ),
    [
      { rolname: 'shop_api', privileged: false, rolcreaterole: false },
      { rolname: 'shop_owner', privileged: false, rolcreaterole: true },
    ],
  )
  await assert.rejects(rows(database.roleUrl('shop_api'), 'CREATE TABLE mine ()'), /permission denied/)
  await assert.rejects(rows(database.ownerUrl, "COPY (SELECT 1) TO PROGRAM 'cat'"), /permission denied/)
})

test('preparing twice changes nothing, and takes back what somebody granted by hand', async () => {
  const options = { name: 'clinic', owner: 'clinic_owner', roles: ['clinic_api'], extensions: ['citext'], secret }
  const first = await prepareDatabase(server, options)
  const stored = () => rows(first.adminUrl, "SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'clinic%' ORDER BY 1")
  const before = await stored()
  await rows(first.adminUrl, 'ALTER ROLE clinic_api BYPASSRLS')
  const second = await prepareDatabase(server, options)
  assert.equal(second.ownerUrl, first.ownerUrl)
  assert.deepEqual(await stored(), before)
  assert.deepEqual(await rows(first.adminUrl, "SELECT rolbypassrls FROM pg_roles WHERE rolname = 'clinic_api'"), [
    { rolbypassrls: false },
  ])
})

test('a database restored elsewhere takes the passwords of the secret there', async () => {
  const options = { name: 'fleet', owner: 'fleet_owner', roles: ['fleet_api'], extensions: [], secret }
  const here = await prepareDatabase(server, options)
  const there = await prepareDatabase(server, { ...options, secret: new Uint8Array(32).fill(8) })
  assert.deepEqual(await rows(there.roleUrl('fleet_api'), 'SELECT 1 AS one'), [{ one: 1 }])
  await assert.rejects(
    rows(here.roleUrl('fleet_api'), 'SELECT 1'),
    (error) => error instanceof AvalError && error.code === 'POSTGRES_ACCESS_DENIED',
  )
})

test('several may prepare at the same time', async () => {
  const options = { name: 'busy', owner: 'busy_owner', roles: ['busy_api'], extensions: ['citext'], secret }
  const prepared = await Promise.all([1, 2, 3, 4].map(() => prepareDatabase(server, options)))
  for (const { roleUrl } of prepared) assert.deepEqual(await rows(roleUrl('busy_api'), 'SELECT 1 AS one'), [{ one: 1 }])
})

test('a role of one system cannot enter the database of another', async () => {
  const one = await prepareDatabase(server, {
    name: 'one',
    owner: 'one_owner',
    roles: ['one_api'],
    extensions: [],
    secret,
  })
  await prepareDatabase(server, { name: 'two', owner: 'two_owner', roles: ['two_api'], extensions: [], secret })
  await assert.rejects(rows(one.roleUrl('two_api'), 'SELECT 1'), /permission denied for database "one"/)
})

test('an extension this Postgres does not have is named', async () => {
  await assert.rejects(
    prepareDatabase(server, { name: 'geo', owner: 'geo_owner', roles: [], extensions: ['postgis', 'citext'], secret }),
    (error) =>
      error instanceof AvalError && error.code === 'POSTGRES_EXTENSION_MISSING' && /: postgis\.$/.test(error.message),
  )
})
