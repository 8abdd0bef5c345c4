import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { suite, type TestContext, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { AvalError } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { startChild } from '../../process.ts'
import { seededRandom } from '../../random.ts'
import { createBackup } from '../backup/base-backup.ts'
import { makePlace, type Place, repositoryKey } from '../cluster.fixture.ts'
import { openRepository } from '../repository/repository.ts'
import { verifyRepository } from '../repository/verify.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { restore } from '../restore/restore.ts'
import { restoreWindow } from '../restore/restore-point.ts'
import { directoryStore } from '../stores/directory-store.ts'
import type { Store } from '../stores/store.ts'
import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import { storeSpooled } from './spool-recovery.ts'
import { coveredFrom, readInventory } from './wal-inventory.ts'

async function lsnOf(server: OwnedServer, sql: string): Promise<Lsn> {
  return withClient(server.url(), async (client) => {
    const { rows } = await client.query<{ lsn: string }>(sql)
    return parseLsn(rows[0]?.lsn ?? '')
  })
}

import { walGaps } from './wal-gaps.ts'

const flushed = 'SELECT pg_current_wal_flush_lsn()::text AS lsn'
/** What the receiver told the server it has: the server keeps nothing before it. */
const acknowledged = "SELECT restart_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = 'aval_shop'"

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `${what} did not come about`)
    await systemClock.sleep(20)
  }
}

async function coverage(place: Place, from: Lsn): Promise<Lsn> {
  return coveredFrom(await readInventory(place.repository, 2 ** 24), 1, from)
}

async function newPlace(t: TestContext): Promise<Place> {
  const place = await makePlace()
  t.after(() => place.remove())
  return place
}

const createTable = 'CREATE TABLE entry (id serial PRIMARY KEY, text text)'
const addRows = (count: number) =>
  `INSERT INTO entry (text) SELECT repeat(md5(g::text), 10) FROM generate_series(1, ${count}) g`
const countRows = 'SELECT count(*)::int AS count FROM entry'

suite('WAL receiver', { timeout: 180_000 }, () => {
  test('goes on through a restart and a crash of the server, and says so once', async (t) => {
    const place = await newPlace(t)
    let server = await place.server()
    const { port } = server
    await withClient(server.url(), (client) => client.query(createTable))
    const troubles: unknown[] = []
    const receiver = await place.receiver(server, { onTrouble: (error) => troubles.push(error) })
    const begun = receiver.position().stored
    for (const end of [() => server.stop(), () => server.kill()]) {
      await withClient(server.url(), (client) => client.query(addRows(1000)))
      await end()
      server = place.adopt(
        await startServer({
          dataDirectory: place.path('data'),
          binaries: place.binaries,
          clock: systemClock,
          port,
        }),
      )
      await withClient(server.url(), (client) => client.query(addRows(1000)))
      await receiver.waitUntilStored(await lsnOf(server, flushed), 20_000)
    }
    assert.ok(
      (await coverage(place, begun)) >= (await lsnOf(server, 'SELECT pg_current_wal_lsn()::text AS lsn')) - 10_000n,
    )
    assert.ok(troubles.length >= 1 && troubles.length <= 3, `${troubles.length} reports`)
    const { received, spooled, stored } = receiver.position()
    assert.ok(received >= spooled && spooled >= stored)
  })

  test('killed at random moments, it loses nothing it acknowledged and leaves no hole', async (t) => {
    const seed = Date.now() % 1_000_000
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    const place = await newPlace(t)
    const server = await place.server()
    await withClient(server.url(), (client) => client.query(createTable))
    await createBackup({ url: server.url(), repository: place.repository, clock: systemClock })
    let begun: Lsn | undefined
    for (let round = 0; round < 6; round++) {
      const child = await startChild({
        program: process.execPath,
        args: [
          new URL('receiver.fixture.ts', import.meta.url).pathname,
          server.url(),
          place.path('repository'),
          place.path('spool'),
        ],
      })
      if (child.process.stdout) await once(child.process.stdout, 'data')
      begun ??= await lsnOf(server, acknowledged)
      const killing = systemClock.sleep(random.int(400)).then(() => child.signal('SIGKILL'))
      await withClient(server.url(), async (client) => {
        for (let batch = 0; batch < 8; batch++) await client.query(addRows(2000))
      })
      await killing
      await child.ended
      const promised = await lsnOf(server, acknowledged)
      // What a machine that lost its server as well could still bring together.
      await storeSpooled({ repository: place.repository, spool: place.path('spool') })
      const safe = await coverage(place, begun)
      assert.ok(safe >= promised, `round ${round}: ${formatLsn(safe)} safe, ${formatLsn(promised)} acknowledged`)
    }
    const receiver = await place.receiver(server)
    await receiver.waitUntilStored(await lsnOf(server, flushed), 20_000)
    const before = await withClient(server.url(), async (client) => (await client.query(countRows)).rows)
    await server.kill()
    await receiver.stop()
    const report = await verifyRepository(place.repository)
    assert.deepEqual(report.problems, [])
    await restore({ repository: place.repository, to: place.path('restored'), at: 'latest', clock: systemClock })
    const restored = place.adopt(await finish(place, 'restored'))
    assert.deepEqual(await withClient(restored.url(), async (client) => (await client.query(countRows)).rows), before)
  })

  test('waits out a store that fails, and keeps what it received', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    let failing = false
    const inner = directoryStore(place.path('repository'))
    const store: Store = {
      ...inner,
      put: async (key, content, options) => {
        if (failing) throw new Error('the store is out of reach')
        return inner.put(key, content, options)
      },
    }
    const repository = await openRepository({ store, key: repositoryKey, system: 'shop' })
    const troubles: unknown[] = []
    const receiver = await place.receiver(server, { repository, onTrouble: (error) => troubles.push(error) })
    failing = true
    await withClient(server.url(), (client) => client.query(createTable))
    await withClient(server.url(), (client) => client.query(addRows(60_000)))
    const end = await lsnOf(server, flushed)
    await assert.rejects(receiver.waitUntilStored(end, 300), {
      code: 'WAL_NOT_STORED',
      message: /the store is out of reach/,
    })
    await until('everything is spooled', () => receiver.position().spooled >= end)
    assert.ok(receiver.position().stored < end)
    assert.equal(troubles.length, 1)
    failing = false
    await receiver.waitUntilStored(end, 20_000)
  })

  test('shares neither its spool nor its slot', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    await place.receiver(server)
    await assert.rejects(place.receiver(server), { code: 'WAL_SPOOL_BUSY' })
    const troubles: unknown[] = []
    const second = await place.receiver(server, {
      spool: place.path('spool2'),
      onTrouble: (error) => troubles.push(error),
    })
    await until('the second is told that the slot is taken', () => troubles.length > 0)
    assert.ok(troubles[0] instanceof AvalError && troubles[0].code === 'WAL_SLOT_BUSY', String(troubles[0]))
    // Whoever waits for what cannot come is told why it does not.
    await assert.rejects(second.waitUntilStored(await lsnOf(server, flushed), 300), {
      code: 'WAL_NOT_STORED',
      message: /The slot aval_shop is held by another receiver .* process \d+/,
    })
    await second.stop()
  })

  test('refuses a server that the repository does not belong to', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    const receiver = await place.receiver(server)
    await receiver.stop()
    const other = await place.server('other')
    await assert.rejects(place.receiver(other), { code: 'REPOSITORY_OTHER_SERVER' })
    await assert.rejects(createBackup({ url: other.url(), repository: place.repository, clock: systemClock }), {
      code: 'REPOSITORY_OTHER_SERVER',
    })
  })

  test('pieces of a segment stay few, and a heartbeat costs little', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    const receiver = await place.receiver(server, { heartbeatMs: 0, pieceEveryMs: 0 })
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 5_000)
    const before = receiver.position().stored
    for (let beat = 0; beat < 80; beat++) {
      await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 5_000)
    }
    let pieces = 0
    for await (const _ of place.repository.store.list('partial/')) pieces += 1
    assert.ok(pieces <= 32, `${pieces} pieces`)
    const each = Number(receiver.position().stored - before) / 80
    assert.ok(each < 400, `${each} bytes of WAL a heartbeat`)
    assert.deepEqual((await verifyRepository(place.repository)).problems, [])
  })

  test('after a restore it follows the new timeline, and moments of both can be restored', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    await withClient(server.url(), (client) => client.query(createTable))
    const receiver = await place.receiver(server)
    await createBackup({ url: server.url(), repository: place.repository, clock: systemClock, receiver })
    await withClient(server.url(), (client) => client.query(addRows(10)))
    const early = (await receiver.heartbeat()).at
    await systemClock.sleep(5)
    await withClient(server.url(), (client) => client.query(addRows(1000)))
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 5_000)
    await server.kill()
    await receiver.stop()

    await restore({ repository: place.repository, to: place.path('second'), at: early, clock: systemClock })
    const second = place.adopt(await finish(place, 'second'))
    const follower = await place.receiver(second)
    await withClient(second.url(), (client) => client.query(addRows(5)))
    const late = (await follower.heartbeat()).at
    await systemClock.sleep(5)
    await withClient(second.url(), (client) => client.query(addRows(100)))
    await follower.waitUntilStored((await follower.heartbeat()).lsn, 5_000)
    const window = await restoreWindow(place.repository)
    assert.ok(window && window.to >= late)
    await second.kill()
    await follower.stop()
    assert.deepEqual((await verifyRepository(place.repository)).problems, [])

    for (const [name, at, rows] of [
      ['third', late, 15],
      ['fourth', 'latest', 115],
      ['fifth', early, 10],
    ] as const) {
      await restore({ repository: place.repository, to: place.path(name), at, clock: systemClock })
      const restored = place.adopt(await finish(place, name))
      const { rows: counted } = await withClient(restored.url(), (client) => client.query(countRows))
      assert.deepEqual(counted, [{ count: rows }], name)
      await restored.stop()
    }
  })

  test('a restored server keeps its new WAL until a receiver is there, whatever checkpoints come before', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    await withClient(server.url(), (client) => client.query(createTable))
    const receiver = await place.receiver(server)
    await createBackup({ url: server.url(), repository: place.repository, clock: systemClock, receiver })
    await withClient(server.url(), (client) => client.query(addRows(10)))
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 5_000)
    await server.kill()
    await receiver.stop()
    await restore({ repository: place.repository, to: place.path('second'), at: 'latest', clock: systemClock })
    const second = place.adopt(await finish(place, 'second'))
    await withClient(second.url(), async (client) => {
      for (let times = 0; times < 3; times++) {
        await client.query(addRows(10))
        await client.query('SELECT pg_switch_wal()')
        await client.query('CHECKPOINT')
      }
    })
    const follower = await place.receiver(second)
    await follower.waitUntilStored((await follower.heartbeat()).lsn, 10_000)
    assert.deepEqual(await walGaps(place.repository), [])
    await second.kill()
    await follower.stop()
    await restore({ repository: place.repository, to: place.path('third'), at: 'latest', clock: systemClock })
    const third = place.adopt(await finish(place, 'third'))
    const { rows } = await withClient(third.url(), (client) => client.query(countRows))
    assert.deepEqual(rows, [{ count: 40 }])
    await third.stop()
  })

  test('a restore and a verification are not disturbed by a receiver at work', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    await withClient(server.url(), (client) => client.query(createTable))
    const receiver = await place.receiver(server, { heartbeatMs: 20, pieceEveryMs: 0 })
    await createBackup({ url: server.url(), repository: place.repository, clock: systemClock, receiver })
    let writing = true
    const writer = withClient(server.url(), async (client) => {
      while (writing) await client.query(addRows(500))
    })
    for (let round = 0; round < 2; round++) {
      await restore({ repository: place.repository, to: place.path(`at-${round}`), at: 'latest', clock: systemClock })
      assert.deepEqual((await verifyRepository(place.repository)).problems, [], `round ${round}`)
    }
    writing = false
    await writer
  })

  test('WAL the server removed meanwhile is a known gap: said at once, refused on restore, over with the next backup', async (t) => {
    const place = await newPlace(t)
    const server = await place.server('data', { max_wal_size: '32MB', min_wal_size: '32MB', wal_keep_size: 0 })
    await withClient(server.url(), (client) => client.query(createTable))
    const first = await place.receiver(server)
    const old = await createBackup({
      url: server.url(),
      repository: place.repository,
      clock: systemClock,
      receiver: first,
    })
    await first.stop()
    await withClient(server.url(), async (client) => {
      await client.query("SELECT pg_drop_replication_slot('aval_shop')")
      for (let round = 0; round < 6; round++) {
        await client.query(addRows(2000))
        await client.query('SELECT pg_switch_wal()')
        await client.query('CHECKPOINT')
      }
    })
    const troubles: unknown[] = []
    const receiver = await place.receiver(server, { onTrouble: (error) => troubles.push(error) })
    await receiver.waitUntilStored(await lsnOf(server, flushed), 20_000)
    assert.ok(
      troubles.some((error) => error instanceof AvalError && error.code === 'WAL_GAP'),
      String(troubles),
    )
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 5_000)
    const latest = {
      repository: place.repository,
      to: place.path('restored'),
      at: 'latest',
      clock: systemClock,
    } as const
    await assert.rejects(restore(latest), { code: 'RESTORE_WAL_MISSING' })
    const report = await verifyRepository(place.repository)
    assert.equal(report.sound, true, JSON.stringify(report.problems))
    assert.deepEqual(
      report.problems.map(({ kind, backups }) => ({ kind, backups })),
      [{ kind: 'gap', backups: [old.id] }],
    )
    await createBackup({ url: server.url(), repository: place.repository, clock: systemClock, receiver })
    await restore(latest)
  })

  test('a server put back by other means is not taken for the one that was backed up', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    const receiver = await place.receiver(server)
    await server.stop()
    await cp(place.path('data'), place.path('copy'), { recursive: true })
    await receiver.stop()
    const again = await place.server()
    const continued = await place.receiver(again)
    await withClient(again.url(), (client) => client.query(createTable))
    await withClient(again.url(), (client) => client.query(addRows(50_000)))
    await continued.waitUntilStored(await lsnOf(again, flushed), 20_000)
    await again.kill()
    await continued.stop()
    const stale = await place.server('copy')
    await assert.rejects(place.receiver(stale), (error) => error instanceof AvalError && error.code === 'WAL_DIVERGED')
  })
})

function finish(place: Place, name: string): Promise<OwnedServer> {
  return finishRestore({
    dataDirectory: place.path(name),
    binaries: place.binaries,
    clock: systemClock,
    afterRestore: [],
    database: 'postgres',
    owner: 'aval',
  })
}
