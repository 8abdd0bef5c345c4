import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { after, before, suite, type TestContext, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { startChild } from '../../process.ts'
import { createBackup } from '../backup/base-backup.ts'
import { makePlace, type Place, repositoryKey } from '../cluster.fixture.ts'
import { openRepository, type Repository } from '../repository/repository.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { pendingRestore } from '../restore/pending-restore.ts'
import { type RestoreResult, restore } from '../restore/restore.ts'
import { readMarks } from '../retention/reading-mark.ts'
import type { Store } from '../stores/store.ts'
import { segmentsAhead } from './wal-ahead.ts'

const segments = segmentsAhead + 6
const count = 'SELECT count(*)::int AS count FROM entry'

suite('WAL fetched while recovery runs', { timeout: 180_000 }, () => {
  let place: Place
  let rows = 0

  before(async () => {
    place = await makePlace()
    const server = await place.server('data', { max_wal_size: '2GB', autovacuum: 'off' })
    const receiver = await place.receiver(server)
    await withClient(server.url(), (client) => client.query('CREATE TABLE entry (id serial, text text)'))
    await createBackup({ url: server.url(), repository: place.repository, clock: systemClock, receiver })
    rows = await withClient(server.url(), async (client) => {
      for (let segment = 0; segment < segments; segment++) {
        await client.query("INSERT INTO entry (text) SELECT repeat('a', 500) FROM generate_series(1, 500)")
        await client.query('SELECT pg_switch_wal()')
      }
      return segments * 500
    })
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 60_000)
    await server.kill()
    await receiver.stop()
  })
  after(() => place.remove())

  const restored = (to: string): Promise<RestoreResult> =>
    restore({ repository: place.repository, to: place.path(to), at: 'latest', clock: systemClock, wal: 'meanwhile' })
  const finish = async (to: string, repository?: Repository): Promise<OwnedServer> =>
    place.adopt(
      await finishRestore({
        dataDirectory: place.path(to),
        binaries: place.binaries,
        clock: systemClock,
        afterRestore: [],
        database: 'postgres',
        owner: 'aval',
        ...(repository ? { repository } : {}),
      }),
    )
  const counted = (server: OwnedServer) =>
    withClient(server.url(), async (client) => (await client.query<{ count: number }>(count)).rows[0]?.count)
  const ready = async (wal: string) => (await readdir(wal)).filter((name) => /^[0-9A-F]{24}$/.test(name)).length

  test('only the first segments are there when recovery begins, never more, and everything is there in the end', async () => {
    const result = await restored('whole')
    assert.ok(result.walSegments >= segments)
    assert.equal(await ready(result.walDirectory), segmentsAhead)
    let most = 0
    let done = false
    const watch = (async () => {
      while (!done) {
        most = Math.max(most, await ready(result.walDirectory).catch(() => 0))
        await systemClock.sleep(5)
      }
    })()
    const server = await finish('whole', place.repository)
    done = true
    await watch
    assert.ok(most <= segmentsAhead, `${most} segments lay there at once`)
    assert.equal(await counted(server), rows)
    await assert.rejects(readdir(result.walDirectory), { code: 'ENOENT' })
    await server.stop()
  })

  test('without the repository nothing is started; a store that fails for a while is waited for', async () => {
    await restored('alone')
    await assert.rejects(finish('alone'), { code: 'RESTORE_NEEDS_REPOSITORY' })
    assert.ok(await pendingRestore(place.path('alone')))

    let failures = 0
    const store: Store = {
      ...place.repository.store,
      get: async (key) => {
        if (key.startsWith('wal/') && failures++ < 4) throw new Error('the store is out of reach')
        return place.repository.store.get(key)
      },
    }
    const repository = await openRepository({ store, key: repositoryKey, system: 'shop' })
    const server = await finish('alone', repository)
    assert.ok(failures >= 4)
    assert.equal(await counted(server), rows)
    await server.stop()
  })

  test('a damaged segment ends recovery with the reason; once it is whole again the same call goes on', async () => {
    const result = await restored('damaged')
    const damaged = await damageLast(place)
    await assert.rejects(finish('damaged', place.repository), (error: Error) => {
      assert.match(error.message, /did not recover/)
      assert.match(error.message, new RegExp(damaged.name), 'it names the segment')
      return 'code' in error && error.code === 'RESTORE_RECOVERY_FAILED'
    })
    assert.ok(await pendingRestore(place.path('damaged')))
    assert.ok(!(await readdir(result.walDirectory)).includes(damaged.name), 'nothing of it reached Postgres')
    await damaged.mend()
    const server = await finish('damaged', place.repository)
    assert.equal(await counted(server), rows)
    await server.stop()
  })

  test('nobody but Aval gets in before the SQL has run; then everybody does, on the same port, without a restart', async () => {
    await restored('guarded')
    const port = await freePort()
    const url = `postgresql://guest:guest@127.0.0.1:${port}/postgres`
    let tried = 0
    let early = 0
    let done = false
    const guest = (async () => {
      while (!done) {
        const seen = await withClient(
          url,
          async (client) => (await client.query('SELECT FROM pg_roles')).rowCount,
        ).catch(() => undefined)
        tried += 1
        if (seen !== undefined && !done) early += 1
        await systemClock.sleep(20)
      }
    })()
    const server = place.adopt(
      await finishRestore({
        dataDirectory: place.path('guarded'),
        binaries: place.binaries,
        clock: systemClock,
        afterRestore: ["CREATE ROLE guest LOGIN PASSWORD 'guest'", 'SELECT pg_sleep(0.5)'],
        database: 'postgres',
        owner: 'aval',
        port,
        repository: place.repository,
      }).finally(() => {
        done = true
      }),
    )
    await guest
    assert.ok(tried > 5)
    // The rules are read a moment before the call returns.
    assert.ok(early <= 1, `${early} answers before the SQL had committed`)
    assert.equal(server.port, port)
    await withClient(url, (client) => client.query('SELECT 1'))
    await server.stop()
  })

  test('killed in the middle of recovery, the same call takes it up again', async (t: TestContext) => {
    const result = await restored('killed')
    const before = await ready(result.walDirectory)
    const child = await startChild({
      program: process.execPath,
      args: [new URL('finish.fixture.ts', import.meta.url).pathname, place.path('repository'), place.path('killed')],
    })
    const deadline = Date.now() + 30_000
    // Recovery has taken some segments, and has not come to the end.
    while ((await readdir(place.path('killed', 'pg_wal'))).length < 4) {
      assert.ok(Date.now() < deadline, 'recovery did not begin')
      await systemClock.sleep(2)
    }
    child.signal('SIGKILL')
    await child.ended
    const pending = await pendingRestore(place.path('killed'))
    t.diagnostic(
      `${before} segments were ready at first; recovery was ${pending ? 'not over' : 'over'} when it was killed`,
    )
    // What a power cut may leave of a segment that lies ready.
    for (const name of await readdir(result.walDirectory).catch((): string[] => [])) {
      if (/^[0-9A-F]{24}$/.test(name)) await writeFile(`${result.walDirectory}/${name}`, 'torn')
    }
    const server = await finish('killed', place.repository)
    assert.equal(await counted(server), rows)
    await server.stop()
  })

  test('from the end of the restore until all of it is done a mark says what is read, also after a failure', async () => {
    for (const { key } of await readMarks(place.repository)) await place.repository.store.delete(key)
    await restored('marked')
    const [mark, ...others] = await readMarks(place.repository)
    assert.ok(mark && others.length === 0, 'the restore is over, what it reads is not')
    const damaged = await damageLast(place)
    await assert.rejects(finish('marked', place.repository), { code: 'RESTORE_RECOVERY_FAILED' })
    assert.deepEqual(
      (await readMarks(place.repository)).map(({ key }) => key),
      [mark.key],
      'the call will be given again',
    )
    await damaged.mend()
    const seen: number[] = []
    const store: Store = {
      ...place.repository.store,
      get: async (key) => {
        if (key.startsWith('wal/')) seen.push((await readMarks(place.repository)).length)
        return place.repository.store.get(key)
      },
    }
    const server = await finish('marked', await openRepository({ store, key: repositoryKey, system: 'shop' }))
    assert.ok(
      seen.length > 0 && seen.every((marks) => marks === 1),
      `while it read there were ${seen.join(', ')} marks`,
    )
    assert.deepEqual(await readMarks(place.repository), [], 'nothing is read any more')
    await server.stop()
  })
})

/** Changes a byte of the last whole segment in the store. */
async function damageLast(place: Place): Promise<{ name: string; mend(): Promise<void> }> {
  let last = ''
  for await (const { key } of place.repository.store.list('wal/')) last = key
  const file = place.path('repository', ...last.split('/'))
  const good = await readFile(file)
  const bad = Buffer.from(good)
  const middle = bad.length >> 1
  bad[middle] = (bad[middle] ?? 0) ^ 1
  await writeFile(file, bad)
  return { name: last.split('/').at(-1) ?? '', mend: () => writeFile(file, good) }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
