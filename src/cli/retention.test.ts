import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock, timestamp } from '../clock.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { withClient } from '../postgres/connection.ts'
import { startServer } from '../postgres/launch.ts'
import { loadSystem } from '../project/load-system.ts'
import { repositoryDirectory, startArchive } from '../run/archive.ts'
import { type Environment, startEnvironment } from '../run/environment.ts'
import { developmentDirectory, removeRunState, writeRunState } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const recovery = {
  backups: {
    daily: { schedule: '0 2 * * *', keep: '30d' },
    beforeMigration: { on: 'migration', keep: '90d', label: true },
  },
  pointInTime: { window: '7d' },
  erasures: {
    item: {
      claim: 'The item is gone',
      parameter: 'text',
      sql: ['DELETE FROM items WHERE name = $1'],
      asked: `SELECT name FROM items WHERE name LIKE 'asked %' ORDER BY name`,
    },
    owner: { claim: 'The owner is gone', parameter: 'text', sql: ['DELETE FROM owners WHERE name = $1'] },
  },
}

suite('what is kept, removed, held and erased', { timeout: 120_000 }, () => {
  let tiny: TinyProject
  let environment: Environment
  let archive: Awaited<ReturnType<typeof startArchive>>
  before(async () => {
    tiny = await tinyProject({}, { recovery })
    environment = await startEnvironment({
      system: await loadSystem(tiny.project, 'tiny'),
      directory: developmentDirectory(tiny.project, 'tiny'),
      environment: 'development',
      clock: systemClock,
      log: () => {},
    })
    archive = await startArchive({ project: tiny.project, environment, clock: systemClock, log: () => {} })
    writeRunState(tiny.project, environment, repositoryDirectory(tiny.project, 'tiny'))
  })
  after(async () => {
    removeRunState(tiny.project, 'tiny')
    await archive.stop()
    await environment.stop()
    await tiny.remove()
  })

  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  const snapshots: string[] = []

  test('a snapshot has a name and a time of its own', async () => {
    const taken = await aval('snapshot', 'tiny', '--label', 'before the move', '--keep', '3y')
    assert.equal(taken.code, 0, taken.err)
    const [, id = ''] = /snapshot (\S+) "before the move" is complete, .*; kept 1095 d, until /.exec(taken.out) ?? []
    snapshots.push(id)
    assert.equal((await aval('snapshot', 'tiny', '--label', ' ')).code, 2)
    assert.equal((await aval('snapshot', 'tiny', '--label', 'x', '--keep', 'long')).code, 2)
  })

  test('a backup is shown with all that keeps it', async () => {
    const [id = ''] = snapshots
    assert.equal((await aval('backup', 'verify', 'tiny')).code, 0)
    const shown = await aval('backup', 'show', id)
    assert.equal(shown.code, 0, shown.err)
    assert.match(shown.out, /label {5}before the move/)
    assert.match(shown.out, /rule {6}none: taken by hand/)
    assert.match(shown.out, /verified {2}\S+Z, sound/)
    assert.match(shown.out, /now {7}kept: "before the move", 0 min old; it is kept 1095 d; also the newest backup/)
    const [json] = JSON.parse((await aval('backup', 'show', 'tiny', id, '--json')).out)
    assert.deepEqual([json.id, json.verified.sound, json.held], [id, true, null])
    const unknown = await aval('backup', 'show', 'tiny', '20200101T000000Z-00000000')
    assert.deepEqual([unknown.code, /BACKUP_UNKNOWN/.test(unknown.err)], [2, true])
    assert.match((await aval('backup', 'show', 'tiny', id.slice(0, -3))).out, new RegExp(`^tiny, backup ${id}\n`))
  })

  test('a dry run says why each stays; a hold shows, and ends when it is released', async () => {
    const [id = ''] = snapshots
    const dry = await aval('backup', 'prune', 'tiny', '--dry-run')
    assert.match(
      dry.out,
      new RegExp(
        `^tiny: this would become of it; nothing was changed\\.\\n {2}backup {2}${id}\\n {10}kept: "before the move"`,
      ),
    )
    assert.equal((await aval('backup', 'hold', 'tiny', id.slice(0, 20), '--reason', 'case 12')).code, 0)
    assert.match((await aval('backup', 'prune', 'tiny', '--dry-run')).out, /also held: case 12/)
    assert.match((await aval('backup', 'show', id)).out, /held {6}case 12/)
    const past = await aval('backup', 'hold', 'tiny', id, '--reason', 'x', '--until', '2020-01-01T00:00:00Z')
    assert.deepEqual([past.code, /HOLD_UNTIL_PAST/.test(past.err)], [2, true])
    assert.equal((await aval('backup', 'release', 'tiny', id.slice(0, 20))).code, 0)
    assert.equal((await aval('backup', 'release', 'tiny', id)).code, 2)
    const pruned = await aval('backup', 'prune', 'tiny', '--json')
    assert.equal(pruned.code, 0, pruned.err)
    assert.deepEqual(JSON.parse(pruned.out)[0].removed, [])
  })

  test('a migration is preceded by the snapshot of the plan, or by the reason for going without', async () => {
    const migration = (name: string) =>
      writeFile(join(tiny.directory, 'migrations', name), `CREATE TABLE t${name.slice(0, 14)} ();\n`)
    await migration('20260102000000_a.sql')
    const refused = await aval('migrate', 'up', 'tiny', '--no-snapshot')
    assert.equal(refused.code, 2)
    assert.match(refused.err, /SNAPSHOT_REASON: .*\(beforeMigration\)/)
    const applied = await aval('migrate', 'up', 'tiny')
    assert.equal(applied.code, 0, applied.err)
    const [, id = ''] = /snapshot (\S+) taken first \(beforeMigration\)/.exec(applied.err) ?? []
    assert.match((await aval('backup', 'show', id)).out, /rule {6}beforeMigration/)
    await migration('20260103000000_b.sql')
    const waived = await aval('migrate', 'up', 'tiny', '--no-snapshot', '--reason', 'taken a minute ago')
    assert.deepEqual([waived.code, waived.err], [0, 'tiny: no snapshot was taken: taken a minute ago\n'])
    assert.equal((await aval('migrate', 'up', 'tiny')).err, '', 'nothing pending, nothing taken')
  })

  test('everybody a service was asked to erase is erased and recorded, and no name is told', async () => {
    await withClient(environment.database.adminUrl, (client) =>
      client.query(`INSERT INTO items VALUES ('asked one'), ('asked two')`),
    )
    for (const wrong of [['item', 'x', '--asked'], ['item'], ['owner', '--asked']])
      assert.equal((await aval('erase', 'tiny', ...wrong, '--yes')).code, 2, wrong.join(' '))
    const counted = await aval('erase', 'tiny', 'item', '--asked')
    assert.deepEqual([counted.code, /Asked for it: 2\./.test(counted.out)], [2, true])
    const erased = await aval('erase', 'tiny', 'item', '--asked', '--yes')
    assert.deepEqual([erased.code, /erased and recorded: 2\./.test(erased.out)], [0, true], erased.err)
    assert.doesNotMatch(erased.out, /one|two/)
    const left = await withClient(environment.database.adminUrl, (client) =>
      client.query(`SELECT FROM items WHERE name LIKE 'asked %'`),
    )
    assert.equal(left.rowCount, 0)
    assert.match((await aval('erase', 'tiny', 'item', '--asked', '--yes')).out, /nobody asked to be erased/)
  })

  test('what was erased is gone, stays gone after a restore to before, and the rest is there', async () => {
    const insert = (name: string) =>
      withClient(environment.database.adminUrl, (client) => client.query('INSERT INTO items VALUES ($1)', [name]))
    await insert('of somebody')
    await insert('of others')
    const { at } = await archive.heartbeat()
    await systemClock.sleep(5)

    const asked = await aval('erase', 'tiny', 'item', 'of somebody')
    assert.equal(asked.code, 2)
    assert.match(
      asked.out,
      /nothing was erased.*\n +1 rows {2}DELETE FROM items WHERE name = \$1\n(.*\n)*public\.items +1 +0\nGive --yes/,
    )
    const counted = await aval('erase', 'tiny', 'item', 'of somebody', '--dry-run')
    assert.equal(counted.code, 0)
    const unknown = await aval('erase', 'tiny', 'person', 'x', '--yes')
    assert.deepEqual([unknown.code, /ERASURE_UNKNOWN.*\n.*item/.test(unknown.err)], [2, true])

    const erased = await aval('erase', 'tiny', 'item', 'of somebody', '--yes')
    assert.equal(erased.code, 0, erased.err)
    assert.doesNotMatch(erased.out, /somebody/)
    const { lsn } = await archive.heartbeat()
    await archive.waitUntilStored(lsn, 10_000)

    const names = async (url: string) => {
      const { rows } = await withClient(url, (client) => client.query('SELECT name FROM items ORDER BY name'))
      return rows.map((row) => row.name)
    }
    assert.deepEqual(await names(environment.database.adminUrl), ['of others', 'seeded'])
    const to = join(tiny.project.root, 'restored')
    const restored = await aval('restore', 'tiny', '--at', timestamp(at), '--to', to)
    assert.equal(restored.code, 0, restored.err)
    assert.ok(!(await readdir(to)).includes('aval-restore.json'))
    const server = await startServer({
      dataDirectory: to,
      binaries: await findBinaries('embedded'),
      clock: systemClock,
    })
    try {
      assert.deepEqual(await names(server.url({ database: 'tiny' })), ['of others', 'seeded'])
    } finally {
      await server.stop()
    }
  })

  test('an erasure tells of every row that goes or changes with it, in every table, and of no value', async () => {
    const query = (sql: string) =>
      withClient(environment.database.ownerUrl, async (client) => (await client.query(sql)).rows)
    await query(`CREATE TABLE owners (name text PRIMARY KEY);
      CREATE TABLE pets (owner text REFERENCES owners ON DELETE CASCADE, born int) PARTITION BY RANGE (born);
      CREATE TABLE pets_old PARTITION OF pets FOR VALUES FROM (0) TO (10);
      CREATE TABLE pets_new PARTITION OF pets FOR VALUES FROM (10) TO (20);
      CREATE TABLE houses (owner text REFERENCES owners ON DELETE SET NULL);
      CREATE TABLE farewells (at timestamptz);
      CREATE FUNCTION farewell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO farewells VALUES (now()); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER farewell AFTER DELETE ON owners DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION farewell();
      INSERT INTO owners VALUES ('ana secret'), ('ben');
      INSERT INTO pets SELECT name, n FROM owners, generate_series(8, 12) n; INSERT INTO houses SELECT name FROM owners`)
    const expected = [
      { table: 'public.farewells', deleted: 0, updated: 0, inserted: 1 },
      { table: 'public.houses', deleted: 0, updated: 1, inserted: 0 },
      { table: 'public.owners', deleted: 1, updated: 0, inserted: 0 },
      { table: 'public.pets', deleted: 5, updated: 0, inserted: 0 },
    ]
    const dry = await aval('erase', 'tiny', 'owner', 'ana secret', '--dry-run')
    assert.match(dry.out, /1 rows {2}DELETE FROM owners.*\nIn all, with what foreign keys and triggers take along:\n/)
    assert.match(dry.out, /\npublic\.owners +1 +0 +0\npublic\.pets +5 +0 +0\n/)
    assert.deepEqual(await query('SELECT count(*)::int FROM pets'), [{ count: 10 }])
    const [erased] = JSON.parse((await aval('erase', 'tiny', 'owner', 'ana secret', '--yes', '--json')).out)
    assert.deepEqual(erased.tables, expected)
    assert.deepEqual(await query('SELECT count(*)::int FROM pets'), [{ count: 5 }])
    assert.doesNotMatch(dry.out, /secret/)
    assert.match(
      (await aval('erase', 'tiny', 'owner', 'ana secret', '--dry-run')).out,
      /No row of any table is concerned/,
    )
  })

  test('help shows an example and the exit codes', async () => {
    const commands = [['snapshot'], ['erase'], ...['show', 'prune', 'hold', 'release'].map((name) => ['backup', name])]
    for (const command of commands) {
      const { out } = await aval(...command, '--help')
      assert.match(out, new RegExp(`Example:\\n {2}aval ${command.join(' ')}`))
      assert.match(out, /Exit codes: 0 /)
    }
  })
})
