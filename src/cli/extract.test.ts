import assert from 'node:assert/strict'
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock, timestamp } from '../clock.ts'
import { withClient } from '../postgres/connection.ts'
import { loadSystem } from '../project/load-system.ts'
import type { WalReceiver } from '../recovery/wal/wal-receiver.ts'
import { repositoryDirectory, startArchive } from '../run/archive.ts'
import { type Environment, startEnvironment } from '../run/environment.ts'
import { developmentDirectory, removeRunState, writeRunState } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const recovery = {
  afterRestore: ['UPDATE log SET restored = restored + 1'],
  subjects: {
    misnamed: { table: 'person', column: 'nane' },
    person: {
      table: 'person',
      column: 'name',
      beforeImport: ["INSERT INTO visit VALUES ('nobody', 0)"],
      afterImport: ['UPDATE person SET back = true WHERE name = $1', "DELETE FROM visit WHERE person_name = 'nobody'"],
    },
  },
}

suite('aval extract and aval repair', { timeout: 300_000 }, () => {
  let tiny: TinyProject
  let environment: Environment
  let archive: WalReceiver
  let at = ''
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  const query = async (sql: string) =>
    (await withClient(environment.database.adminUrl, (client) => client.query(sql))).rows
  const names = async (sql: string) => (await query(sql)).map((row) => Object.values(row).join(' '))

  before(async () => {
    tiny = await tinyProject({}, { recovery })
    await writeFile(
      join(tiny.directory, 'migrations', '20260102000000_people.sql'),
      `CREATE TABLE person (name text PRIMARY KEY, back boolean NOT NULL DEFAULT false);
       CREATE TABLE letter (id int GENERATED ALWAYS AS IDENTITY, person text NOT NULL REFERENCES person ON DELETE CASCADE, body text);
       CREATE TABLE visit (person_name text, day int);
       CREATE TABLE log (restored int);
       INSERT INTO log VALUES (0);
       ALTER TABLE person ENABLE ROW LEVEL SECURITY; ALTER TABLE person FORCE ROW LEVEL SECURITY;
       CREATE POLICY nobody ON person TO tiny_keeper USING (false);`,
    )
    environment = await startEnvironment({
      system: await loadSystem(tiny.project, 'tiny'),
      directory: developmentDirectory(tiny.project, 'tiny'),
      environment: 'development',
      clock: systemClock,
      log: () => {},
    })
    archive = await startArchive({ project: tiny.project, environment, clock: systemClock, log: () => {} })
    writeRunState(tiny.project, environment, repositoryDirectory(tiny.project, 'tiny'))
    assert.equal((await aval('backup', 'create', 'tiny')).code, 0)
    await query(`INSERT INTO person VALUES ('ana'), ('ben'); INSERT INTO letter (person, body)
      SELECT name, 'secret words' FROM person, generate_series(1, 3); INSERT INTO items SELECT 'item ' || n FROM generate_series(1, 3000) n`)
    at = timestamp((await archive.heartbeat()).at)
    await systemClock.sleep(5)
    await query(`DELETE FROM person WHERE name = 'ana'; INSERT INTO letter (person, body) VALUES ('ben', 'later')`)
    await archive.waitUntilStored((await archive.heartbeat()).lsn, 20_000)
  })
  after(async () => {
    await archive?.stop()
    await environment?.stop()
    await tiny?.remove()
  })

  const onlyOwnFolders = async () =>
    assert.deepEqual(
      (await readdir(developmentDirectory(tiny.project, 'tiny'))).filter((name) => name.startsWith('beside')),
      [],
    )

  test('what is asked wrongly is refused before anything is restored', async () => {
    for (const [argv, says] of [
      [['--subject', 'person=ana'], /one of --dry-run, --to-file and --into/],
      [['--dry-run'], /one of --subject and --table/],
      [['--dry-run', '--subject', 'firm=1'], /--subject takes misnamed=<value>, person=<value>/],
      [['--into', 'NOT_SET_ANYWHERE', '--subject', 'person=ana'], /NOT_SET_ANYWHERE/],
      [['--into', 'development', '--subject', 'person=ana', '--on-conflict', 'guess'], /--on-conflict takes/],
    ] as const) {
      const refused = await aval('extract', 'tiny', '--at', at, ...argv)
      assert.match(refused.err, says)
      assert.ok(refused.code > 0)
    }
    // A restore would say where it is.
    for (const [argv, says] of [
      [
        ['--table', 'presson'],
        /^EXTRACT_NAME_UNKNOWN: .* knows a table presson\. Did you mean person\?\n.*public\.presson/,
      ],
      [['--table', 'unheard_of'], /^EXTRACT_NAME_UNKNOWN: .* knows a table unheard_of\.\n/],
      [
        ['--subject', 'misnamed=ana'],
        /^EXTRACT_SUBJECT_UNKNOWN: .*person\.nane.* Did you mean person\.name\?\n.*recovery\.subjects/,
      ],
    ] as const) {
      const refused = await aval('extract', 'tiny', '--at', at, '--dry-run', ...argv)
      assert.deepEqual([refused.code, says.test(refused.err)], [2, true], refused.err)
    }
    // Known to nobody but perhaps to the backup.
    const asked = await aval('extract', 'tiny', '--at', at, '--dry-run', '--table', 'public.presson')
    assert.match(asked.err, /EXTRACT_TABLE_UNKNOWN/)
  })

  test('a person is counted, written as SQL, and brought back; nobody else changes and no row is printed', async () => {
    const counted = await aval('extract', 'tiny', '--at', at, '--subject', 'person=ana', '--dry-run')
    assert.deepEqual([counted.code, counted.err], [0, ''])
    assert.match(counted.out, /public\.person +1 +0 +0\npublic\.letter +3 +0 +0/)

    const file = join(tiny.project.root, 'ana.sql')
    const written = await aval('extract', 'tiny', '--at', at, '--subject', 'person=ana', '--to-file', file)
    assert.equal(written.code, 0, written.err)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.match(await readFile(file, 'utf8'), /'secret words'/)

    const back = await aval('extract', 'tiny', '--at', at, '--subject', 'person=ana', '--into', 'development')
    assert.deepEqual([back.code, back.err], [0, ''])
    assert.match(back.out, /public\.letter +3 +0 +0 +0/)
    for (const { out, err } of [counted, written, back]) assert.doesNotMatch(out + err, /secret|\bana\b(?!\.sql)/)
    assert.deepEqual(await names('SELECT name, back FROM person ORDER BY name'), ['ana true', 'ben false'])
    assert.deepEqual(await names('SELECT person, count(*) FROM letter GROUP BY 1 ORDER BY 1'), ['ana 3', 'ben 4'])
    assert.deepEqual(await names('SELECT count(*) FROM visit'), ['0'])
    await onlyOwnFolders()
  })

  test('a dropped table comes back, and what was written elsewhere stays', async () => {
    await query('DROP TABLE person CASCADE')
    const back = await aval('extract', 'tiny', '--at', at, '--table', 'person', '--into', 'development', '--json')
    assert.deepEqual([back.code, back.err], [0, ''])
    const [merged] = JSON.parse(back.out)
    assert.deepEqual(
      [merged.made, merged.rows, merged.unmerged, merged.referring],
      [true, 2, 0, [{ table: 'public.letter', key: 'letter_person_fkey', unfit: 0 }]],
    )
    assert.deepEqual(await names('SELECT count(*) FROM letter'), ['7'])
    assert.deepEqual(await names('SELECT restored FROM log'), ['1'])
    // Of a table that is there, what is missing.
    await query("DELETE FROM items WHERE name = 'item 7'")
    const rows = await aval('extract', 'tiny', '--at', at, '--table', 'items', '--into', 'development', '--json')
    assert.equal(rows.code, 0, rows.err)
    const [{ made, tables }] = JSON.parse(rows.out)
    assert.deepEqual([made, tables[0].inserted, tables[0].same], [false, 1, 3000])
  })

  test('damaged pages are found, named and mended, with every row', async () => {
    const sound = await aval('repair', 'pages', 'tiny')
    assert.deepEqual([sound.code, /^tiny: sound; \d+ pages/.test(sound.out)], [0, true], sound.out + sound.err)
    const before = await names('SELECT count(*), md5(string_agg(name, chr(10) ORDER BY name)) FROM items')
    const [path = ''] = await names("SELECT pg_relation_filepath('items')")
    const [index = ''] = await names("SELECT pg_relation_filepath('items_pkey')")
    await query('CHECKPOINT')
    await archive.waitUntilStored((await archive.heartbeat()).lsn, 20_000)
    const { dataDirectory } = environment.server
    await archive.stop()
    await environment.stop()
    removeRunState(tiny.project, 'tiny')
    for (const [relation, block] of [
      [path, 2],
      [index, 1],
    ] as const) {
      const file = await open(join(dataDirectory, relation), 'r+')
      await file.write(Buffer.from('damage'), 0, 6, block * 8192 + 8000)
      await file.close()
    }
    const found = await aval('repair', 'pages', 'tiny')
    assert.equal(found.code, 1, found.err)
    assert.match(found.out, /2 of \d+ pages are damaged\n/)
    assert.match(found.out, /public\.items +public\.items +2 +filled again from a copy/)
    assert.match(found.out, /public\.items_pkey +public\.items +1 +made anew/)
    assert.match(found.out, /Backup \S+ is sound, every byte read\.\nMend it with `aval repair pages tiny --apply`/)

    const mended = await aval('repair', 'pages', 'tiny', '--apply')
    assert.equal(mended.code, 0, mended.err + mended.out)
    assert.match(mended.out, /public\.items: 3001 rows, equal to the backup[\s\S]*all \d+ pages are sound/)
    await onlyOwnFolders()
    environment = await startEnvironment({
      system: await loadSystem(tiny.project, 'tiny'),
      directory: developmentDirectory(tiny.project, 'tiny'),
      environment: 'development',
      clock: systemClock,
      log: () => {},
    })
    assert.deepEqual(await names('SELECT count(*), md5(string_agg(name, chr(10) ORDER BY name)) FROM items'), before)
  })
})
