import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'
import { systemClock, timestamp } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import type { BackupInfo } from '../backup/backup-info.ts'
import { createBackup } from '../backup/base-backup.ts'
import { makePlace, type Place, repositoryKey } from '../cluster.fixture.ts'
import { layout } from '../repository/layout.ts'
import { listBackups } from '../repository/list-backups.ts'
import { openRepository } from '../repository/repository.ts'
import { directoryStore } from '../stores/directory-store.ts'
import { parseLsn, segmentAt } from '../wal/lsn.ts'
import { finishRestore } from './finish-restore.ts'
import { pendingRestore } from './pending-restore.ts'
import { type RestoreResult, restore } from './restore.ts'
import { restoreWindow } from './restore-point.ts'

/** Writes rows one after the other until it is stopped; each id it returns was acknowledged by the server. */
function startWriter(server: OwnedServer): { stop(): Promise<number> } {
  let stopping = false
  const work = withClient(server.url(), async (client) => {
    let id = 0
    while (!stopping) {
      await client.query('INSERT INTO entry VALUES ($1, md5($2))', [id + 1, String(id + 1)])
      id += 1
    }
    return id
  })
  return {
    stop: () => {
      stopping = true
      return work
    },
  }
}

const fingerprint =
  "SELECT count(*)::int AS count, coalesce(max(id), 0) AS last, md5(string_agg(id || text, ',' ORDER BY id)) AS sum FROM entry"

async function read<Row extends object>(server: OwnedServer, sql: string): Promise<Row | undefined> {
  return withClient(server.url(), async (client) => (await client.query<Row>(sql)).rows[0])
}

suite('backup and restore', { timeout: 120_000 }, () => {
  let place: Place
  let backup: BackupInfo
  let atTheEnd: object | undefined
  /** A moment between two rows of `moment`. */
  let between = 0
  let acknowledged = 0

  before(async () => {
    place = await makePlace()
    const server = await place.server()
    await withClient(server.url(), async (client) => {
      await client.query('CREATE TABLE entry (id int PRIMARY KEY, text text)')
      await client.query('CREATE TABLE moment (name text)')
    })
    const receiver = await place.receiver(server)
    const writer = startWriter(server)
    backup = await createBackup({
      url: server.url(),
      repository: place.repository,
      clock: systemClock,
      label: 'under load',
      receiver,
    })
    between = await withClient(server.url(), async (client) => {
      await client.query("INSERT INTO moment VALUES ('before')")
      const { rows } = await client.query<{ at: string }>(
        'SELECT ceil(extract(epoch FROM clock_timestamp()) * 1000)::text AS at',
      )
      const at = Number(rows[0]?.at)
      await client.query('SELECT pg_sleep(0.005)')
      await client.query("INSERT INTO moment VALUES ('after')")
      return at
    })
    await receiver.heartbeat()
    acknowledged = await writer.stop()
    atTheEnd = await read(server, fingerprint)
    const end = await read<{ lsn: string }>(server, 'SELECT pg_current_wal_flush_lsn()::text AS lsn')
    await receiver.waitUntilStored(parseLsn(end?.lsn ?? ''), 10_000)
    await server.kill()
    await receiver.stop()
  })
  after(() => place.remove())

  const restoreTo = (name: string, at: 'latest' | number): Promise<RestoreResult> =>
    restore({ repository: place.repository, to: place.path(name), at, clock: systemClock })
  const start = async (name: string, afterRestore: string[] = []) =>
    place.adopt(
      await finishRestore({
        dataDirectory: place.path(name),
        binaries: place.binaries,
        clock: systemClock,
        afterRestore,
        database: 'postgres',
        owner: 'aval',
      }),
    )

  test('a backup taken under load is listed with what it is', async () => {
    const [listed, ...others] = await listBackups(place.repository)
    assert.deepEqual(listed, backup)
    assert.deepEqual(others, [])
    assert.equal(backup.label, 'under load')
    assert.ok(backup.files > 500 && backup.databaseBytes > 1e6)
    assert.ok(parseLsn(backup.startLsn) < parseLsn(backup.stopLsn))
    assert.ok(backup.archives[0] && backup.archives[0].storedBytes < backup.archives[0].bytes / 2)
  })

  test('the latest state has every row that was acknowledged', async () => {
    const seen: number[] = []
    const restored = await restore({
      repository: place.repository,
      to: place.path('latest'),
      at: 'latest',
      clock: systemClock,
      onProgress: ({ bytes }) => seen.push(bytes),
    })
    assert.equal(seen.at(-1), backup.databaseBytes)
    assert.equal(restored.bytes, backup.databaseBytes)
    const server = await start('latest')
    assert.deepEqual(await read(server, fingerprint), atTheEnd)
    assert.equal((await read<{ last: number }>(server, fingerprint))?.last, acknowledged)
    await server.stop()
    assert.deepEqual(
      (await readdir(place.path())).filter((name) => name.startsWith('latest') && name !== 'latest.secret'),
      ['latest'],
      'nothing is left beside the data directory',
    )
    const settings = await readFile(place.path('latest', 'postgresql.auto.conf'), 'utf8')
    assert.ok(!settings.includes('restore_command'))
  })

  test('a moment has what was committed before it and nothing later', async () => {
    await restoreTo('moment', between)
    const server = await start('moment')
    assert.deepEqual(
      await withClient(server.url(), async (client) => (await client.query('SELECT name FROM moment')).rows),
      [{ name: 'before' }],
    )
    await server.stop()
  })

  test('SQL after a restore runs as the owner, all or nothing, and survives a crash before it', async () => {
    await restoreTo('crashed', 'latest')
    await assert.rejects(start('crashed', ['DELETE FROM moment', 'SELECT 1/0']), {
      code: 'RESTORE_SQL_FAILED',
    })
    assert.ok(await pendingRestore(place.path('crashed')))
    const server = await start('crashed', ["INSERT INTO moment VALUES ('settled')"])
    assert.deepEqual(await read(server, "SELECT count(*)::int AS count FROM moment WHERE name <> 'settled'"), {
      count: 2,
    })
    assert.deepEqual(await read(server, "SELECT count(*)::int AS count FROM moment WHERE name = 'settled'"), {
      count: 1,
    })
    assert.equal(await pendingRestore(place.path('crashed')), undefined)
    await server.kill()
    const again = await start('crashed', ["INSERT INTO moment VALUES ('settled')"])
    assert.deepEqual(
      await read(again, "SELECT count(*)::int AS count FROM moment WHERE name = 'settled'"),
      { count: 1 },
      'a later start does not run it again',
    )

    const before = await readdir(place.path('crashed'))
    await assert.rejects(restoreTo('crashed', 'latest'), { code: 'RESTORE_SERVER_RUNNING' })
    assert.deepEqual(await readdir(place.path('crashed')), before)
    assert.equal(again.running(), true)
    await again.stop()
  })

  suite('what cannot be restored is refused with the reason, and leaves no trace', () => {
    const leavesNoTrace = async (work: () => Promise<unknown>, expected: object) => {
      const list = async () =>
        (await readdir(place.path(), { recursive: true })).filter((name) => !name.startsWith('crashed')).sort()
      const before = await list()
      await assert.rejects(work, expected)
      assert.deepEqual(await list(), before)
    }

    test('a directory that holds something', async () => {
      await mkdir(place.path('full'))
      await writeFile(place.path('full', 'letter'), 'keep me')
      await leavesNoTrace(() => restoreTo('full', 'latest'), { code: 'RESTORE_NOT_EMPTY' })
      assert.equal(await readFile(place.path('full', 'letter'), 'utf8'), 'keep me')
    })

    test('a moment before the first backup, and one after the last commit', async () => {
      const window = await restoreWindow(place.repository)
      assert.ok(window && window.from === backup.stoppedAt && window.to > between)
      const message = new RegExp(`${timestamp(window.from)} to ${timestamp(window.to)}`)
      for (const at of [window.from - 1, window.to + 1]) {
        await leavesNoTrace(() => restoreTo('outside', at), { code: 'RESTORE_OUTSIDE_WINDOW', message })
      }
    })

    test('the first and the last moment of the window can be restored', async () => {
      const window = await restoreWindow(place.repository)
      for (const at of [window?.from ?? 0, window?.to ?? 0]) {
        await restoreTo('edge', at)
        await (await start('edge')).stop()
        await rm(place.path('edge'), { recursive: true })
      }
    })

    test('a wrong key', async () => {
      const key = Uint8Array.from(repositoryKey).fill(1, 0, 1)
      const store = directoryStore(place.path('repository'))
      await leavesNoTrace(() => openRepository({ store, key, system: 'shop', create: false }), {
        code: 'REPOSITORY_WRONG_KEY',
      })
    })

    test('a damaged archive, manifest, backup or segment', async () => {
      const store = directoryStore(place.path('repository'))
      const firstNeeded = layout.segment(segmentAt(1, parseLsn(backup.startLsn), 2 ** 24), 2 ** 24)
      for (const prefix of ['backups/', 'wal/', 'partial/']) {
        for await (const { key, size } of store.list(prefix)) {
          // WAL from before the backup is not needed.
          if (key.startsWith('wal/') && key < firstNeeded) continue
          const file = place.path('repository', key)
          const whole = await readFile(file)
          const changed = Buffer.from(whole)
          const at = size - 17
          changed[at] = (changed[at] ?? 0) ^ 1
          await writeFile(file, changed)
          await leavesNoTrace(() => restoreTo('damaged', 'latest'), { code: 'OBJECT_DAMAGED' })
          await rm(file)
          const code = /^(OBJECT_MISSING|RESTORE_WAL_MISSING|BACKUP_NONE)$/
          await leavesNoTrace(() => restoreTo('damaged', 'latest'), { code })
          await writeFile(file, whole)
        }
      }
    })

    test('a backup that is not there, and a repository without any', async () => {
      const unknown = {
        repository: place.repository,
        to: place.path('x'),
        at: 'latest',
        clock: systemClock,
        backup: 'none',
      } as const
      await leavesNoTrace(() => restore(unknown), { code: 'BACKUP_UNKNOWN' })
      const empty = await openRepository({
        store: directoryStore(place.path('empty')),
        key: repositoryKey,
        system: 'shop',
      })
      await leavesNoTrace(() => restore({ ...unknown, repository: empty }), { code: 'BACKUP_NONE' })
    })

    test('a restore that is told to stop', async () => {
      const stop = new AbortController()
      const work = () =>
        restore({
          repository: place.repository,
          to: place.path('deep', 'er'),
          at: 'latest',
          clock: systemClock,
          signal: stop.signal,
          onProgress: () => stop.abort(new Error('told to stop')),
        })
      await leavesNoTrace(work, /told to stop/)
    })
  })
})
