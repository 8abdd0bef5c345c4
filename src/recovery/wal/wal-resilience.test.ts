import assert from 'node:assert/strict'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { type Clock, systemClock } from '../../clock.ts'
import { AvalError } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { runToEnd } from '../../process.ts'
import { createBackup } from '../backup/base-backup.ts'
import { makePlace, type Place, repositoryKey } from '../cluster.fixture.ts'
import { openRepository, type Repository } from '../repository/repository.ts'
import { verifyRepository } from '../repository/verify.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { restore } from '../restore/restore.ts'
import { directoryStore } from '../stores/directory-store.ts'
import type { LostWal } from './lost-wal.ts'
import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import { startProxy, through, type Wire } from './proxy.fixture.ts'
import { connectReplication } from './replication.ts'
import { describeGap, needsBaseBackup, walGaps } from './wal-gaps.ts'
import { statusUpdate } from './wal-message.ts'
import type { WalReceiver } from './wal-receiver.ts'
import { readWalStatus } from './wal-status.ts'

const createTable = 'CREATE TABLE entry (id serial PRIMARY KEY, text text)'
const addRows = (count: number) =>
  `INSERT INTO entry (text) SELECT repeat(md5(g::text), 10) FROM generate_series(1, ${count}) g`
const flushed = 'SELECT pg_current_wal_flush_lsn()::text AS lsn'

async function sql(server: OwnedServer, ...statements: string[]): Promise<void> {
  await withClient(server.url(), async (client) => {
    for (const statement of statements) await client.query(statement)
  })
}

async function lsnOf(server: OwnedServer): Promise<Lsn> {
  return withClient(server.url(), async (client) => {
    const { rows } = await client.query<{ lsn: string }>(flushed)
    return parseLsn(rows[0]?.lsn ?? '')
  })
}

async function until(what: string, holds: () => Promise<boolean> | boolean, ms = 90_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `${what} did not come about`)
    await systemClock.sleep(20)
  }
}

async function newPlace(t: TestContext): Promise<Place> {
  const place = await makePlace()
  t.after(() => place.remove())
  return place
}

async function newProxy(t: TestContext, server: OwnedServer): Promise<Wire> {
  const proxy = await startProxy(server.port)
  t.after(() => proxy.close())
  return proxy
}

const codes = (troubles: readonly unknown[]) =>
  troubles.map((error) => (error instanceof AvalError ? error.code : String(error)))

suite('WAL receiver in trouble', { timeout: 180_000 }, () => {
  test('a connection cut in the middle of a message, again and again, costs nothing but time', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    await sql(server, createTable)
    const proxy = await newProxy(t, server)
    const receiver = await place.receiver(server, { url: through(proxy, server.url()), heartbeatMs: 0 })
    const begun = receiver.position().stored
    for (const bytes of [40_003, 700_001, 1_300_007]) {
      proxy.cutAfter(bytes)
      await sql(server, addRows(4000))
      await receiver.waitUntilStored(await lsnOf(server), 20_000)
    }
    assert.ok(receiver.position().stored > begun)
    assert.deepEqual((await verifyRepository(place.repository)).problems, [])
  })

  test('a server that is frozen is noticed long before its slot or a synchronous commit would suffer', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    const troubles: unknown[] = []
    const statusFile = place.path('status.json')
    const receiver = await place.receiver(server, {
      silenceMs: 900,
      statusFile,
      onTrouble: (error) => troubles.push(error),
    })
    await until('it streams', async () => (await readWalStatus(statusFile))?.state === 'streaming')
    // An idle server is not a silent one: it answers when it is asked.
    await systemClock.sleep(2_000)
    assert.deepEqual(codes(troubles), [])

    const frozen = await processesOf(server)
    for (const pid of frozen) process.kill(pid, 'SIGSTOP')
    const at = Date.now()
    try {
      await until('the silence is noticed', () => troubles.length > 0, 10_000)
      assert.ok(Date.now() - at < 4_000, `noticed after ${Date.now() - at} ms`)
      await until('the lag grows', () => receiver.lag().storedMs > 1_000)
      await until('the status says so', async () => (await readWalStatus(statusFile))?.state === 'disconnected')
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT')
    }
    await sql(server, createTable)
    await receiver.waitUntilStored(await lsnOf(server), 30_000)
    await until('there is no lag', () => receiver.lag().storedMs < 1_000)
    await receiver.stop()
    assert.equal((await readWalStatus(statusFile))?.state, 'stopped')
  })

  test('a standby promoted while it is received from is followed without a break, and both sides can be restored', async (t) => {
    const place = await newPlace(t)
    const primary = await place.server()
    const standby = await standbyOf(place, primary)
    const receiver = await place.receiver(standby, { url: followerOf(standby) })
    await sql(primary, createTable)
    await createBackup({ url: primary.url(), repository: place.repository, clock: systemClock })
    await sql(primary, addRows(100))
    await receiver.waitUntilStored(await lsnOf(primary), 20_000)
    await primary.kill()
    await promote(standby)
    await sql(standby, addRows(11))
    await until('heartbeats come again', () => beats(receiver))
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 20_000)
    await standby.kill()
    await receiver.stop()
    assert.deepEqual((await verifyRepository(place.repository)).problems, [])
    assert.deepEqual(await walGaps(place.repository), [])
    await restore({ repository: place.repository, to: place.path('restored'), at: 'latest', clock: systemClock })
    assert.equal(await countIn(place, 'restored'), 111)
  })

  test('a standby promoted behind the address of the server that died is followed as well', async (t) => {
    const place = await newPlace(t)
    const primary = await place.server()
    const standby = await standbyOf(place, primary)
    const proxy = await newProxy(t, primary)
    const receiver = await place.receiver(primary, { url: through(proxy, followerOf(primary)) })
    await sql(primary, createTable)
    await createBackup({ url: primary.url(), repository: place.repository, clock: systemClock, receiver })
    await sql(primary, addRows(100))
    const end = await lsnOf(primary)
    await receiver.waitUntilStored(end, 20_000)
    await until('the standby has it all', () =>
      withClient(standby.url(), async (client) => {
        const { rows } = await client.query<{ lsn: string }>('SELECT pg_last_wal_replay_lsn()::text AS lsn')
        return parseLsn(rows[0]?.lsn ?? '0/0') >= end
      }),
    )
    await primary.kill()
    await promote(standby)
    await sql(standby, addRows(11))
    proxy.target = standby.port
    await until('heartbeats come again', () => beats(receiver))
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 20_000)
    await standby.kill()
    await receiver.stop()
    assert.deepEqual((await verifyRepository(place.repository)).problems, [])
    await restore({ repository: place.repository, to: place.path('restored'), at: 'latest', clock: systemClock })
    assert.equal(await countIn(place, 'restored'), 111)
  })

  test('a disk of the spool, or of the store, that is full: it says so, and goes on when there is room', async (t) => {
    const place = await newPlace(t)
    const small = await smallDisk(t, '24m')
    if (small === undefined) return t.skip('a small file system can be mounted by root on Linux only')
    const server = await place.server()
    await sql(server, createTable)

    for (const [what, options] of [
      ['spool', { spool: `${small}/spool` }],
      ['store', { spool: place.path('spool2') }],
    ] as const) {
      const troubles: unknown[] = []
      const onTrouble = (error: unknown) => troubles.push(error)
      const ballast = `${small}/ballast`
      const repository: Repository =
        what === 'store'
          ? await openRepository({ store: directoryStore(`${small}/store`), key: repositoryKey, system: 'shop' })
          : place.repository
      const receiver = await place.receiver(server, { repository, onTrouble, ...options })
      const { bavail, bsize } = await statfs(small)
      // Whatever comes first, this or the receiver: it is full then.
      await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 300_000))).catch(() => undefined)
      await sql(server, addRows(6_000))
      await until(`the ${what} is told to be full`, () => troubles.length > 0)
      assert.match(String(troubles[0]), what === 'spool' ? /WAL_SPOOL_FULL|spool .* is full/ : /There is no room in/)
      const end = await lsnOf(server)
      assert.ok(receiver.position().stored < end)
      assert.ok(receiver.lag().storedBytes > 0)
      await rm(ballast)
      await receiver.waitUntilStored(end, 30_000)
      await receiver.stop()
      assert.deepEqual((await verifyRepository(repository)).problems, [], what)
    }
  })

  test('a store that takes its time holds up neither the receiver nor its stop, and no WAL is lost', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    await sql(server, createTable)
    const inner = directoryStore(place.path('repository'))
    let delay = 0
    const store = {
      ...inner,
      put: async (...args: Parameters<typeof inner.put>) => {
        await systemClock.sleep(delay)
        return inner.put(...args)
      },
    }
    const repository = await openRepository({ store, key: repositoryKey, system: 'shop' })
    const receiver = await place.receiver(server, { repository })
    delay = 700
    await sql(server, addRows(50_000))
    const end = await lsnOf(server)
    await until('all is on this machine', () => receiver.position().spooled >= end)
    const { lag } = receiver
    assert.ok(lag().storedBytes > 0 && lag().spooledBytes < lag().storedBytes)
    await receiver.stop()
    assert.ok(receiver.position().stored >= end, 'a stop stores what was received')
    assert.deepEqual((await verifyRepository(place.repository)).problems, [])
  })

  test('a clock that is put back or forward holds up nothing', async (t) => {
    const place = await newPlace(t)
    const server = await place.server()
    let step = 0
    const clock: Clock = { now: () => systemClock.now() + step, sleep: systemClock.sleep }
    const receiver = await place.receiver(server, { clock, heartbeatMs: 0 })
    for (const [index, next] of [0, -86_400_000, 3_600_000, -3_600_000].entries()) {
      step = next
      await sql(server, `CREATE TABLE t${index} ()`)
      const end = await lsnOf(server)
      await until(`stored at step ${next}`, () => receiver.position().stored >= end, 5_000)
    }
  })

  test('a slot that was given up: the gap is told by name, and closed by the next backup', async (t) => {
    const place = await newPlace(t)
    const server = await place.server('data', {
      max_wal_size: '32MB',
      min_wal_size: '32MB',
      // Two segments: a backup switches to the next, and with one alone its own checkpoint would take the slot away again.
      max_slot_wal_keep_size: '32MB',
      wal_keep_size: 0,
    })
    await sql(server, createTable)
    const proxy = await newProxy(t, server)
    const gaps: unknown[] = []
    const troubles: unknown[] = []
    const statusFile = place.path('status.json')
    const receiver = await place.receiver(server, {
      url: through(proxy, server.url()),
      statusFile,
      onGap: (gap) => gaps.push(gap),
      onTrouble: (error) => troubles.push(error),
    })
    await createBackup({ url: server.url(), repository: place.repository, clock: systemClock, receiver })
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 5_000)
    assert.deepEqual(await walGaps(place.repository), [])
    // Nobody is there while the server writes more than the slot may keep.
    proxy.target = 1
    proxy.cut()
    for (let round = 0; round < 6; round++) await sql(server, addRows(2000), 'SELECT pg_switch_wal()', 'CHECKPOINT')
    proxy.target = server.port
    await until('the gap is told', () => gaps.length > 0)
    assert.ok(codes(troubles).includes('WAL_GAP'))
    await until('heartbeats come again', () => beats(receiver))
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 20_000)
    const [open, ...more] = await walGaps(place.repository)
    assert.equal(more.length, 0)
    assert.ok(
      open?.known && open.moments.from !== undefined && open.moments.to === undefined,
      JSON.stringify(open?.moments),
    )
    assert.ok(receiver.gap())
    assert.ok(open && needsBaseBackup([open]))
    assert.match(describeGap(open), /until a new base backup is taken.*[0-9A-F]{24}.*removed it before it was received/)
    await until('the status says so', async () => (await readWalStatus(statusFile))?.gap !== null)

    const backup = await createBackup({
      url: server.url(),
      repository: place.repository,
      clock: systemClock,
      receiver,
    })
    const [closed] = await walGaps(place.repository)
    assert.equal(closed?.moments.to, backup.stoppedAt)
  })

  test('a slot that stands where the server has no WAL any more is made anew', async (t) => {
    const place = await newPlace(t)
    const server = await place.server('data', { max_wal_size: '32MB', min_wal_size: '32MB', wal_keep_size: 0 })
    await sql(server, createTable)
    const first = await place.receiver(server)
    await first.waitUntilStored((await first.heartbeat()).lsn, 5_000)
    await first.stop()
    const { stored } = first.position()
    const slot = 'aval_shop'
    await sql(server, `SELECT pg_drop_replication_slot('${slot}')`)
    for (let round = 0; round < 4; round++) await sql(server, addRows(2000), 'SELECT pg_switch_wal()', 'CHECKPOINT')
    await sql(server, `SELECT pg_create_physical_replication_slot('${slot}', true)`)
    await moveSlotBack(server.url(), slot, stored)

    const gaps: LostWal[] = []
    const receiver = await place.receiver(server, { onGap: (gap) => gaps.push(gap) })
    await until('the gap is told', () => gaps.length > 0, 20_000)
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 20_000)
    assert.equal(gaps.length, 1)
    assert.equal(gaps[0]?.from, stored)
  })
})

/** Reports an old position on the slot, as a receiver does that comes back after the server has given up what follows it. */
async function moveSlotBack(url: string, slot: string, to: Lsn): Promise<void> {
  const connection = await connectReplication(url, slot)
  try {
    const [[, , position] = []] = await connection.query('IDENTIFY_SYSTEM')
    const stream = connection.copy(`START_REPLICATION SLOT "${slot}" PHYSICAL ${position}`)
    await stream.before
    stream.send(statusUpdate({ written: to, flushed: to }, Date.now()))
    await until('the slot stands there', () =>
      withClient(url, async (client) => {
        const { rows } = await client.query<{ back: boolean }>(
          'SELECT restart_lsn = $1 AS back FROM pg_replication_slots',
          [formatLsn(to)],
        )
        return rows[0]?.back === true
      }),
    )
  } finally {
    connection.destroy()
  }
}

async function countIn(place: Place, name: string): Promise<number | undefined> {
  const server = place.adopt(
    await finishRestore({
      dataDirectory: place.path(name),
      binaries: place.binaries,
      clock: systemClock,
      afterRestore: [],
      database: 'postgres',
      owner: 'aval',
    }),
  )
  const rows = await withClient(server.url(), (client) => client.query('SELECT count(*)::int AS count FROM entry'))
  await server.stop()
  return rows.rows[0]?.count
}

/** A standby that streams from a server, made from a backup of its own. */
async function standbyOf(place: Place, primary: OwnedServer): Promise<OwnedServer> {
  // Aval gives every server's superuser a password of its own; this one's is the same on both.
  await sql(primary, "CREATE ROLE follower SUPERUSER LOGIN REPLICATION PASSWORD 'follower'")
  const store = directoryStore(place.path('aside'))
  const aside = await openRepository({ store, key: repositoryKey, system: 'shop' })
  await createBackup({ url: primary.url(), repository: aside, clock: systemClock })
  await restore({ repository: aside, to: place.path('standby'), at: 'latest', clock: systemClock })
  const source = `host=127.0.0.1 port=${primary.port} user=follower password=follower`
  await writeFile(place.path('standby', 'postgresql.auto.conf'), `primary_conninfo = '${source}'\n`)
  for (const name of ['recovery.signal', 'aval-restore.json']) await rm(place.path('standby', name))
  await writeFile(place.path('standby', 'standby.signal'), '')
  const standby = place.adopt(
    await startServer({ dataDirectory: place.path('standby'), binaries: place.binaries, clock: systemClock }),
  )
  await until('the standby streams', () =>
    withClient(primary.url(), async (client) => (await client.query('SELECT FROM pg_stat_replication')).rowCount === 1),
  )
  return standby
}

function followerOf(server: OwnedServer): string {
  return server.url({ user: 'follower', password: 'follower' })
}

async function promote(standby: OwnedServer): Promise<void> {
  await withClient(standby.url(), (client) => client.query('SELECT pg_promote()'))
  await standby.waitUntilWritable(20_000)
}

function beats(receiver: WalReceiver): Promise<boolean> {
  return receiver.heartbeat().then(
    () => true,
    () => false,
  )
}

/** The postmaster and all its children. */
async function processesOf(server: OwnedServer): Promise<number[]> {
  const { stdout } = await runToEnd({ program: 'ps', args: ['-o', 'pid=', '--ppid', String(server.pid)] })
  return [server.pid, ...stdout.split('\n').flatMap((line) => (line.trim() === '' ? [] : [Number(line)]))]
}

/** A file system of its own; undefined where there can be none. */
async function smallDisk(t: TestContext, size: string): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'aval-small-'))
  const args = ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]
  const { code } = await runToEnd({ program: 'mount', args }).catch(() => ({ code: 1 }))
  t.after(async () => {
    if (code === 0) await runToEnd({ program: 'umount', args: ['-l', directory] })
    await rm(directory, { recursive: true, force: true })
  })
  return code === 0 ? directory : undefined
}
