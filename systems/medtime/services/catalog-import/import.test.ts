import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Client } from 'pg'
import { withClient } from '../../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../../src/postgres/database.ts'
import { startChild } from '../../../../src/process.ts'
import { digestOf } from '../../client/catalog/digest.ts'
import { unpack } from '../../client/catalog/packed.ts'
import { parseQuery } from '../../client/catalog/query.ts'
import { catalogFile, withoutFiles } from '../../test/catalog-files.ts'
import { migrate, startTestServer, type TestServer } from '../../test/database.ts'
import { createCatalogStore } from '../api/catalog/store.ts'
import { openDatabase } from '../api/database.ts'
import { presentMedicines } from './catalog-database.ts'
import { fileNames, importDue } from './due-imports.ts'
import { ImportError } from './import-error.ts'
import { importSource } from './import-source.ts'
import type { Source } from './source.ts'
import { starterPath } from './sources/starter.ts'
import { tellSummary } from './summary.ts'

let server: TestServer
let folder: string
let count = 0
before(async () => {
  server = await startTestServer()
  await migrate((await server.createDatabase('migrated')).ownerUrl)
  folder = await mkdtemp(join(tmpdir(), 'catalog-import-'))
})
after(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

const now = new Date('2026-03-01T06:00:00Z')
const head = 'ApplNo,ProductNo,Form,Strength,ReferenceDrug,DrugName,ActiveIngredient,ReferenceStandard'

/** A file of Drugs@FDA with these products: brand, substance, strength. */
async function products(rows: readonly (readonly [string, string, string])[]): Promise<string> {
  const path = join(folder, `${count++}.csv`)
  const lines = rows.map(
    ([brand, substance, strength], index) => `${index + 1},1,TABLET;ORAL,${strength},0,${brand},${substance},0`,
  )
  await writeFile(path, `${[head, ...lines].join('\r\n')}\r\n`)
  return path
}

async function inDatabase(work: (client: Client, database: PreparedDatabase) => Promise<void>): Promise<void> {
  const database = await migrated()
  await withClient(database.roleUrl('medtime_catalog'), (client) => work(client, database))
}

/** A database of its own: a copy of one that was migrated. */
async function migrated(): Promise<PreparedDatabase> {
  const name = `catalog_${count++}`
  const { adminUrl } = await server.createDatabase('beside')
  await withClient(adminUrl, (admin) => admin.query(`CREATE DATABASE ${name} TEMPLATE migrated OWNER medtime_owner`))
  return server.createDatabase(name)
}

async function searching(
  database: PreparedDatabase,
  work: (store: ReturnType<typeof createCatalogStore>) => Promise<void>,
) {
  const pool = openDatabase({
    url: database.roleUrl('medtime_api'),
    poolSize: 2,
    onStatement: () => undefined,
    onLostConnection: () => undefined,
  })
  try {
    await work(createCatalogStore(pool))
  } finally {
    await pool.close()
  }
}

const names = async (store: ReturnType<typeof createCatalogStore>, typed: string) =>
  (await store.search(parseQuery(typed), 10)).found.map(({ medicine }) => medicine.names.en)

test('an import tells what it added, changed, removed and left out; the same file again changes nothing', async () => {
  await inDatabase(async (client, database) => {
    const request = { source: 'drugs-at-fda' as const, now }
    const first = await products([
      ['ZYNTHOR', 'ZYNTHORINE SODIUM', '5MG'],
      ['QUEMBLO', 'QUEMBLOXINE', '10MG'],
      ['BAD', '', '1MG'],
    ])
    const done = await importSource(client, { ...request, paths: [first] })
    assert.deepEqual(
      [done.added, done.changed, done.removed, done.version, done.published, done.rejected],
      [2, 0, 0, 2, true, [{ reason: 'no substance', count: 1, lines: [4] }]],
    )
    assert.match(
      tellSummary(done),
      /2 added, 0 changed, 0 removed; the catalog is at version 2, new\n {2}left out 1: no substance \(line 4\)/,
    )

    const again = await importSource(client, { ...request, paths: [first] })
    assert.deepEqual([again.outcome, again.version, again.published], ['unchanged', 2, false])

    const second = await products([
      ['ZYNTHOR', 'ZYNTHORINE SODIUM', '20MG'],
      ['QUEMBLO', 'QUEMBLOXINE', '10MG'],
      ['VORTIL', 'VORTILAX', '1MG'],
    ])
    const next = await importSource(client, { ...request, paths: [second] })
    assert.deepEqual([next.added, next.changed, next.removed, next.version], [1, 1, 0, 3])
    // Another file with the same content in another order tells nothing new.
    const turned = await products([
      ['VORTIL', 'VORTILAX', '1MG'],
      ['QUEMBLO', 'QUEMBLOXINE', '10MG'],
      ['ZYNTHOR', 'ZYNTHORINE SODIUM', '20MG'],
    ])
    const same = await importSource(client, { ...request, paths: [turned] })
    assert.deepEqual(
      [same.outcome, same.added, same.changed, same.removed, same.published],
      ['imported', 0, 0, 0, false],
    )
    await searching(database, async (store) => {
      assert.deepEqual(await names(store, 'zynthor'), ['Zynthorine sodium'])
      assert.deepEqual(await names(store, 'losartan'), ['Losartan', 'Losartan + hydrochlorothiazide'])
    })
  })
})

test('the starter catalog is in every catalog, and importing it anew changes nothing', async () => {
  await inDatabase(async (client) => {
    const starter = await importSource(client, { source: 'starter', paths: [starterPath], now })
    assert.deepEqual([starter.version, starter.published], [1, false], 'the migration brought it')
    const before = await presentMedicines(client)
    await importSource(client, { source: 'drugs-at-fda', paths: [await products([['X', 'XENOTIDE', '1MG']])], now })
    assert.equal((await presentMedicines(client)).length, before.length + 1)
  })
})

test('half a download does not remove half of the medicines', async () => {
  await inDatabase(async (client) => {
    const all = Array.from(
      { length: 10 },
      (_, index) => [`B${index}`, `SUBSTANCE${'ABCDEFGHIJ'[index]}X`, '1MG'] as const,
    )
    const request = { source: 'drugs-at-fda' as const, now }
    await importSource(client, { ...request, paths: [await products(all)] })
    const half = [await products(all.slice(0, 5))]
    await assert.rejects(importSource(client, { ...request, paths: half }), ImportError)
    const taken = await importSource(client, { ...request, paths: half, acceptShrinking: true })
    assert.deepEqual([taken.removed, taken.version], [5, 3])
  })
})

test('a file that is something else is refused, and nothing is changed', async () => {
  await inDatabase(async (client) => {
    const wrong = join(folder, 'wrong.csv')
    await writeFile(wrong, '<html>Not found</html>')
    const torn = join(folder, 'torn.csv')
    await writeFile(torn, `${head}\n1,1,TABLET;ORAL,5MG,0,A,B,0\n2,1,"TABLET;ORAL,5MG,0,C`)
    for (const path of [wrong, torn]) {
      await assert.rejects(importSource(client, { source: 'drugs-at-fda', paths: [path], now }), ImportError)
    }
    const { rows } = await client.query('SELECT max(version) AS version FROM srv_catalog_versions')
    assert.deepEqual(rows, [{ version: 1 }])
    assert.deepEqual((await client.query('SELECT 1 FROM srv_catalog_records')).rows, [])
  })
})

test('readers see the old catalog or the new one, never a mixture, while imports follow each other', async () => {
  await inDatabase(async (client, database) => {
    await searching(database, async (store) => {
      const seen = new Set<number>()
      let importing = true
      const read = async () => {
        while (importing) {
          const { version, digest, medicines } = await store.changes(undefined)
          assert.equal(digestOf(medicines.map(unpack)), digest, `version ${version} is whole`)
          seen.add(version)
          // Both names of a round are of one version: the search is one look at the database.
          const found = await store.search(parseQuery('roundname'), 50)
          const rounds = new Set(found.found.map(({ medicine }) => medicine.strengths[0]))
          assert.ok(rounds.size <= 1, [...rounds].join(' and '))
        }
      }
      const reading = read()
      for (let round = 1; round <= 4; round++) {
        const path = await products([
          ['ROUNDNAME ONE', 'ROUNDINE', `${round}MG`],
          ['ROUNDNAME TWO', 'TWOUNDINE', `${round}MG`],
        ])
        await importSource(client, { source: 'drugs-at-fda', paths: [path], now })
      }
      importing = false
      await reading
      assert.ok(seen.size > 1, 'it read while catalogs were published')
    })
  })
})

test('an import that is killed changes nothing, and can be run again', async () => {
  await inDatabase(async (client, database) => {
    const path = await products(
      Array.from({ length: 1_500 }, (_, index) => [`B${index}`, `KILL${index}INE`, '1MG'] as const),
    )
    const child = await startChild({
      program: process.execPath,
      args: [join(import.meta.dirname, 'main.ts'), 'drugs-at-fda', path],
      env: { PATH: process.env['PATH'], DATABASE_URL: database.roleUrl('medtime_catalog') },
    })
    const writes = `SELECT 1 FROM pg_stat_activity
      WHERE application_name = 'medtime-catalog-import' AND datname = current_database() AND query LIKE 'INSERT INTO public.srv_catalog%'`
    const deadline = Date.now() + 20_000
    await withClient(database.adminUrl, async (admin) => {
      while ((await admin.query(writes)).rows.length === 0) {
        if (Date.now() > deadline || child.process.exitCode !== null) throw new Error('it was never seen writing')
      }
    })
    await child.stop({ signal: 'SIGKILL' })
    const state = async () =>
      (
        await client.query(
          'SELECT max(version) AS version, (SELECT count(*)::int FROM srv_catalog_records) AS records FROM srv_catalog_versions',
        )
      ).rows
    assert.deepEqual(await state(), [{ version: 1, records: 0 }])
    const done = await importSource(client, { source: 'drugs-at-fda', paths: [path], now })
    assert.deepEqual([done.added, done.version], [1_500, 2])
  })
})

test('the differences between versions make the same catalog as the whole', async () => {
  await inDatabase(async (client, database) => {
    const request = { source: 'drugs-at-fda' as const, now }
    await importSource(client, {
      ...request,
      paths: [
        await products([
          ['A', 'ALPHINE', '1MG'],
          ['B', 'BETINE', '1MG'],
          ['D', 'DELTINE', '1MG'],
        ]),
      ],
    })
    await importSource(client, {
      ...request,
      paths: [
        await products([
          ['A', 'ALPHINE', '2MG'],
          ['C', 'GAMMINE', '1MG'],
          ['D', 'DELTINE', '1MG'],
        ]),
      ],
    })
    await searching(database, async (store) => {
      const whole = await store.changes(undefined)
      assert.deepEqual([whole.version, whole.since], [3, null])
      const delta = await store.changes(2)
      assert.deepEqual([delta.since, delta.medicines.length, delta.removed.length], [2, 2, 1])
      const empty = await store.changes(3)
      assert.deepEqual([empty.since, empty.medicines, empty.removed], [3, [], []])
      assert.equal((await store.changes(99)).since, null, 'a version nobody knows gets the whole')
    })
  })
})

test('the importer writes the catalog and nothing else; the API writes none of it', async () => {
  await inDatabase(async (client, database) => {
    for (const statement of [
      'SELECT * FROM srv_users',
      'SELECT * FROM srv_encrypted_entities',
      'UPDATE srv_catalog_medicines SET body = body',
      "SELECT srv_catalog_search('a', 'a', 'a', 1)",
    ]) {
      await assert.rejects(client.query(statement), { code: '42501' }, statement)
    }
    await withClient(database.roleUrl('medtime_api'), async (api) => {
      for (const statement of [
        'DELETE FROM srv_catalog_medicines',
        "UPDATE srv_catalog_names SET term = 'x'",
        "INSERT INTO srv_catalog_versions VALUES (9, now(), 0, repeat('0', 64))",
        'SELECT * FROM srv_catalog_records',
      ]) {
        await assert.rejects(api.query(statement), { code: '42501' }, statement)
      }
    })
  })
})

test('where extensions stand in a schema of their own, as on Supabase, likeness is found all the same', async () => {
  const database = await server.createDatabase(`catalog_${count++}`)
  await withClient(database.adminUrl, (admin) =>
    admin.query(`CREATE SCHEMA extensions; ALTER EXTENSION pg_trgm SET SCHEMA extensions;
      GRANT USAGE ON SCHEMA extensions TO medtime_owner WITH GRANT OPTION`),
  )
  await migrate(database.ownerUrl)
  await searching(database, async (store) => assert.deepEqual((await names(store, 'parasetamol'))[0], 'Acetaminophen'))
  await withClient(database.roleUrl('medtime_catalog'), async (client) => {
    const path = await products([['ZYNTHOR', 'ZYNTHORINE', '5MG']])
    assert.equal((await importSource(client, { source: 'drugs-at-fda', paths: [path], now })).version, 2)
  })
})

const published: readonly (readonly [Source, ...string[]])[] = [
  ['ema', ...fileNames.ema],
  ['cofepris', ...fileNames.cofepris],
  ['ema-rxnorm', ...fileNames['ema-rxnorm']],
  ['drugs-at-fda', ...fileNames['drugs-at-fda']],
  ['cofepris-lists', ...fileNames['cofepris-lists']],
]
const reason = withoutFiles(...published.flatMap(([, ...files]) => files))
test('the published files are taken in when they are due, and once', { skip: reason }, async () => {
  await inDatabase(async (client, database) => {
    const outcomes = await importDue(client, catalogFile(''), now)
    const done = new Map(
      outcomes.flatMap((each) => (each.outcome === 'done' ? [[each.source, each.summary] as const] : [])),
    )
    assert.ok((done.get('ema')?.added ?? 0) > 1_000)
    assert.ok((done.get('cofepris')?.added ?? 0) > 1_500)
    assert.ok((done.get('ema-rxnorm')?.added ?? 0) > 900)
    assert.ok((done.get('drugs-at-fda')?.added ?? 0) > 2_500)
    assert.equal(done.get('cofepris-lists')?.added, 29)
    assert.deepEqual(
      outcomes.filter(({ outcome }) => outcome !== 'done').map(({ source }) => source),
      ['rxnorm'],
    )
    const later = await importDue(client, catalogFile(''), new Date(now.getTime() + 1_000))
    assert.deepEqual(
      later.map(({ source, outcome }) => [source, outcome]),
      [['rxnorm', 'missing']],
    )
    await searching(database, async (store) => {
      assert.equal((await names(store, 'minjuvi'))[0], 'Tafasitamab')
      assert.equal((await names(store, 'sertralina'))[0], 'Sertraline')
      const { digest, medicines } = await store.changes(undefined)
      assert.equal(digestOf(medicines.map(unpack)), digest)
      assert.ok(medicines.length > 3_500)
    })
  })
})

test('the command says how it is used, and ends with a code of its own', async () => {
  const database = await migrated()
  const own = database.roleUrl('medtime_catalog')
  const runAs = async (databaseUrl: string, ...args: string[]) => {
    const child = await startChild({
      program: process.execPath,
      args: [join(import.meta.dirname, 'main.ts'), ...args],
      env: { PATH: process.env['PATH'], DATABASE_URL: databaseUrl },
    })
    let output = ''
    const keep = (chunk: Buffer) => {
      output += chunk.toString('utf8')
    }
    child.process.stdout?.on('data', keep)
    child.process.stderr?.on('data', keep)
    await child.ended
    return { code: child.process.exitCode, output }
  }
  const run = (...args: string[]) => runAs(own, ...args)
  assert.equal((await run('everything')).code, 2)
  const taken = await run('drugs-at-fda', await products([['ZYNTHOR', 'ZYNTHORINE', '5MG']]))
  assert.equal(taken.code, 0, taken.output)
  assert.match(taken.output, /1 added/)
  const refused = await run('drugs-at-fda', starterPath)
  assert.equal(refused.code, 1)
  assert.match(refused.output, /no row with the columns .* Nothing was changed/)

  const stranger = new URL(own)
  stranger.password = 'of somebody else'
  const unknown = await runAs(stranger.href, 'drugs-at-fda', starterPath)
  assert.equal(unknown.code, 1)
  assert.match(unknown.output, /refused the sign-in \(28P01\).* Nothing was changed/)
  assert.doesNotMatch(unknown.output, /somebody/)
  const mistyped = await runAs(stranger.href, 'ema', 'no-such-file.csv')
  assert.match(mistyped.output, /There is no no-such-file\.csv/, 'files are looked at before the database is asked')
  const elsewhere = await runAs(`postgresql://nobody@127.0.0.1:1/none`, 'drugs-at-fda', starterPath)
  assert.match(elsewhere.output, /No connection to the database .*ECONNREFUSED/)

  await withClient(database.adminUrl, (admin) =>
    admin.query(`CREATE ROLE importer LOGIN PASSWORD 'of the importer' IN ROLE medtime_catalog`),
  )
  const member = new URL(own)
  member.username = 'importer'
  member.password = 'of the importer'
  const byHand = await runAs(member.href, 'drugs-at-fda', await products([['ZYNTHOR', 'ZYNTHORINE', '10MG']]))
  assert.equal(byHand.code, 0, byHand.output)
})
