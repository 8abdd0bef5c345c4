import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { makePlace, type Place } from '../cluster.fixture.ts'
import { layout } from '../repository/layout.ts'
import { once } from '../repository/repository.ts'
import { type Identified, identifyServer } from '../repository/server-identity.ts'
import { verifyRepository } from '../repository/verify.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { restore } from '../restore/restore.ts'
import { readManifest, unpackChain } from '../restore/restore-chain.ts'
import { noteChecked } from '../retention/checked.ts'
import { decideRetention } from '../retention/decide.ts'
import type { RetentionPolicy } from '../retention/rules.ts'
import { surveyRepository } from '../retention/survey.ts'
import { connectReplication } from '../wal/replication.ts'
import type { WalReceiver } from '../wal/wal-receiver.ts'
import type { BackupInfo } from './backup-info.ts'
import { createBackup } from './base-backup.ts'
import { chooseParent } from './choose-parent.ts'

const sum = `SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) AS sum, count(*)::int AS rows FROM`

/** As verification tells them: of two backups of one second the ids say nothing about which came first. */
const byId = (backups: { id: string; sound: boolean }[]) => backups.sort((one, other) => (one.id < other.id ? -1 : 1))

suite('incremental backups', { timeout: 240_000 }, () => {
  let place: Place
  let server: OwnedServer
  let receiver: WalReceiver
  const chain: BackupInfo[] = []
  let moment: { at: number; state: unknown }

  const run = async (...statements: string[]) => {
    await withClient(server.url(), async (client) => {
      for (const statement of statements) await client.query(statement)
    })
  }
  const stateOf = (url: string) =>
    withClient(url, async (client) => {
      const { rows: tables } = await client.query<{ name: string }>(
        `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
      )
      const state: [string, unknown][] = []
      for (const { name } of tables) state.push([name, (await client.query(`${sum} ${name} t`)).rows[0]])
      return state
    })
  const take = async (kind: 'full' | 'incremental') => {
    const backup = await createBackup({
      url: server.url(),
      repository: place.repository,
      clock: systemClock,
      receiver,
      kind,
    })
    chain.push(backup)
    return backup
  }
  const restored = async (at: 'latest' | number, backup?: string) => {
    const to = place.path(`restored-${at}-${backup ?? ''}`)
    const result = await restore({
      repository: place.repository,
      to,
      at,
      clock: systemClock,
      ...(backup === undefined ? {} : { backup }),
    })
    const on = place.adopt(
      await finishRestore({
        dataDirectory: to,
        binaries: place.binaries,
        clock: systemClock,
        afterRestore: [],
        database: 'postgres',
        owner: 'aval',
      }),
    )
    return { result, on }
  }
  /** Every index against its table, every row against its page. */
  const amcheck = (url: string) =>
    withClient(url, async (client) => {
      await client.query('CREATE EXTENSION IF NOT EXISTS amcheck')
      await client.query(`SELECT bt_index_check(c.oid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relpersistence = 'p'`)
      const { rows } = await client.query(`SELECT c.relname, v.* FROM pg_class c, verify_heapam(c.oid) v
        WHERE c.relkind IN ('r', 't', 'm') AND c.relpersistence = 'p'`)
      return rows
    })

  before(async () => {
    place = await makePlace()
    server = await place.server('data', { summarize_wal: true })
    // Only what a test asks for, so that nothing changes under a restore.
    receiver = await place.receiver(server, { heartbeatMs: 0 })
    await run(
      'CREATE TABLE large AS SELECT i AS id, repeat(md5(i::text), 8) AS text FROM generate_series(1, 20000) i',
      'ALTER TABLE large ADD PRIMARY KEY (id)',
      'CREATE TABLE shrinking AS SELECT i AS id, repeat(md5(i::text), 8) AS text FROM generate_series(1, 5000) i',
      'CREATE TABLE emptied AS SELECT i AS id FROM generate_series(1, 5000) i',
      'CREATE TABLE dropped AS SELECT i AS id FROM generate_series(1, 5000) i',
      'CREATE DATABASE gone',
    )
  })
  after(() => place.remove())

  test('the first is refused: there is nothing it could follow', async () => {
    await assert.rejects(take('incremental'), { code: 'BACKUP_NO_PARENT' })
  })

  test('holds what changed since the backup before, and is much smaller', async (t) => {
    const full = await take('full')
    await run(
      `UPDATE large SET text = 'changed' WHERE id % 2000 = 0`,
      'DELETE FROM shrinking WHERE id > 500',
      'VACUUM shrinking',
      'TRUNCATE emptied',
      'DROP TABLE dropped',
      'DROP DATABASE gone',
      'CREATE TABLE made AS SELECT i AS id FROM generate_series(1, 3000) i',
    )
    const first = await take('incremental')
    assert.equal(first.parent, full.id)
    const { at } = await receiver.heartbeat()
    moment = { at, state: await stateOf(server.url()) }
    await systemClock.sleep(5)
    await run(
      `INSERT INTO large SELECT i, repeat(md5(i::text), 8) FROM generate_series(20001, 22000) i`,
      `INSERT INTO shrinking SELECT i, repeat(md5(i::text), 8) FROM generate_series(6000, 9000) i`,
      `INSERT INTO emptied VALUES (1)`,
      `DELETE FROM made WHERE id > 10`,
      'VACUUM FULL made',
    )
    const second = await take('incremental')
    assert.equal(second.parent, first.id)
    const stored = chain.map(({ archives }) => archives.reduce((bytes, { storedBytes }) => bytes + storedBytes, 0))
    t.diagnostic(`of the data ${chain.map((each) => each.databaseBytes)} bytes, stored ${stored}`)
    t.diagnostic(`took ${chain.map((each) => each.stoppedAt - each.startedAt)} ms`)
    assert.ok(first.databaseBytes * 4 < full.databaseBytes)
    assert.ok(second.databaseBytes * 4 < full.databaseBytes)
    await run(`INSERT INTO large VALUES (100000, 'last')`)
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 20_000)
  })

  test('are verified', async () => {
    const report = await verifyRepository(place.repository)
    assert.deepEqual(report.problems, [])
    assert.deepEqual(report.backups, byId(chain.map(({ id }) => ({ id, sound: true }))))
  })

  test('are put together to the latest state', async (t) => {
    const { result, on } = await restored('latest')
    t.diagnostic(`restored in ${result.tookMs} ms, ${result.bytes} bytes`)
    assert.equal(result.backup.id, chain[2]?.id)
    assert.deepEqual(await stateOf(on.url()), await stateOf(server.url()))
    assert.deepEqual(await amcheck(on.url()), [])
    await on.stop()
  })

  test('and to a moment, from the one before it', async () => {
    const { result, on } = await restored(moment.at)
    assert.equal(result.backup.id, chain[1]?.id)
    assert.deepEqual(await stateOf(on.url()), moment.state)
    assert.deepEqual(await amcheck(on.url()), [])
    await on.stop()
    await rm(result.dataDirectory, { recursive: true })
  })

  test('are not put together with another backup than the one they follow', async () => {
    const [full, first] = chain
    assert.ok(full && first)
    const { repository } = place
    const other = { ...(await readManifest(repository, full)), backup: { ...full, startLsn: '0/2000028' } }
    const wrong = [other, await readManifest(repository, first)]
    const directory = place.path('wrong')
    await mkdir(directory)
    await assert.rejects(unpackChain({ repository, chain: wrong, directory, account: undefined }), {
      code: 'OBJECT_DAMAGED',
      message: new RegExp(`not the difference to ${full.id}`),
    })
  })

  test('keep what they build on, whatever its age', async () => {
    const policy: RetentionPolicy = {
      rules: new Map(),
      walKeep: undefined,
      byHand: 1,
      objectives: [],
      pointInTime: undefined,
      timeZone: 'UTC',
    }
    const { facts } = await surveyRepository(place.repository, policy, systemClock.now() + 365 * 86_400_000)
    const decided = decideRetention(facts).flatMap((each) => (each.of === 'backup' ? [each] : []))
    assert.deepEqual(
      decided.map(({ id, outcome, reasons }) => [id, outcome, reasons[0].why]),
      [
        [chain[0]?.id, 'keep', 'parent'],
        [chain[1]?.id, 'keep', 'parent'],
        [chain[2]?.id, 'keep', 'newest'],
      ],
    )
  })

  test('are refused with the reason where none can be taken', async () => {
    const connection = await connectReplication(server.url(), 'aval_test')
    try {
      const identity = await identifyServer(connection)
      const choose = (other: Partial<Identified>) =>
        chooseParent(place.repository, connection, { ...identity, ...other })
      assert.equal((await choose({})).id, chain[2]?.id)
      await assert.rejects(choose({ major: 16, version: '16.4' }), { code: 'BACKUP_INCREMENTAL_TOO_OLD' })
      // Taken before the pages had checksums: combined with it, some would be without.
      const without = {
        ...chain[2],
        id: '20990101T000000Z-00000000',
        stoppedAt: systemClock.now(),
        pageChecksums: false,
      }
      const { repository } = place
      const key = layout.backup(without.id)
      await repository.put(key, once(Buffer.from(JSON.stringify(without))))
      assert.equal((await choose({})).id, chain[2]?.id)
      await repository.store.delete(key)
      // After a restore: what follows is another history.
      await assert.rejects(choose({ timeline: 2 }), { code: 'BACKUP_NO_PARENT' })
      await run('ALTER SYSTEM SET summarize_wal = off', 'SELECT pg_reload_conf()')
      await waitFor(async () => (await connection.query('SHOW summarize_wal'))[0]?.[0] === 'off')
      await assert.rejects(choose({}), { code: 'BACKUP_SUMMARIES_OFF', next: /summarize_wal/ })
      await run('ALTER SYSTEM SET summarize_wal = on', 'SELECT pg_reload_conf()')
      await waitFor(async () => (await connection.query('SHOW summarize_wal'))[0]?.[0] === 'on')
    } finally {
      await connection.close()
    }
  })

  test('with damage in the middle, neither it nor what follows is sound, and nothing is restored from them', async () => {
    const [full, first, second] = chain
    assert.ok(full && first && second)
    const archive = place.path('repository', first.archives[0]?.key ?? '')
    const bytes = await readFile(archive)
    const at = bytes.length - 100
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await writeFile(archive, bytes)
    const report = await verifyRepository(place.repository)
    assert.deepEqual(
      report.backups,
      byId([
        { id: full.id, sound: true },
        { id: first.id, sound: false },
        { id: second.id, sound: false },
      ]),
    )
    const to = place.path('from-damage')
    const { id: backup, stoppedAt } = second
    const wanted = { repository: place.repository, to, at: stoppedAt, backup, clock: systemClock }
    await assert.rejects(restore(wanted), { code: 'OBJECT_DAMAGED' })
    await assert.rejects(stat(to), { code: 'ENOENT' })
    await noteChecked(place.repository, report, systemClock.now())
    const next = await take('incremental')
    assert.equal(next.parent, full.id, 'the next one follows what is sound')
    chain.pop()
    await rm(place.path('repository', layout.backup(first.id)))
    const missing = await verifyRepository(place.repository)
    assert.equal(missing.backups.find(({ id }) => id === second.id)?.sound, false)
    await assert.rejects(restore(wanted), {
      code: 'BACKUP_CHAIN_BROKEN',
      message: new RegExp(first.id),
    })
  })

  test('are refused by a server that has not noted everything', async () => {
    const folder = place.path('data', 'pg_wal', 'summaries')
    const before = new Set(await readdir(folder))
    await run('CHECKPOINT')
    await waitFor(async () => (await readdir(folder)).some((name) => !before.has(name) && !name.startsWith('temp')))
    for (const name of await readdir(folder)) await rm(join(folder, name))
    await assert.rejects(take('incremental'), { code: 'BACKUP_SUMMARIES_MISSING' })
  })
})

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.now() + 10_000
  while (!(await condition())) {
    assert.ok(systemClock.now() < deadline)
    await systemClock.sleep(20)
  }
}
