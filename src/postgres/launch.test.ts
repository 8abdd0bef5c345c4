import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { AvalError, type ErrorCode } from '../errors.ts'
import { type Child, processExists, startChild } from '../process.ts'
import { seededRandom } from '../random.ts'
import { attachServer } from './attach.ts'
import { type Binaries, findBinaries } from './binaries.ts'
import { withClient } from './connection.ts'
import { type LaunchOptions, startServer } from './launch.ts'
import { killServer } from './leftover.ts'
import { type TemporaryPlace, temporaryPlace } from './place.ts'
import type { OwnedServer, Server } from './server.ts'
import { serverProcesses } from './server-processes.ts'

const clock = systemClock
let binaries: Binaries
let place: TemporaryPlace
let count = 0

before(async () => {
  binaries = await findBinaries('embedded')
  place = await temporaryPlace('aval-test')
})
after(() => place.remove())

/** Options of a cluster that no other test uses. */
function fresh(): LaunchOptions & { dataDirectory: string } {
  count += 1
  return { dataDirectory: join(place.path, `data-${count}`), binaries, clock }
}

async function using<T>(options: LaunchOptions, work: (server: OwnedServer) => Promise<T>): Promise<T> {
  const server = await startServer(options)
  try {
    return await work(server)
  } finally {
    await server.stop('immediate')
  }
}

const rows = (server: Server, sql: string) =>
  withClient(server.url(), async (client) => (await client.query<Record<string, unknown>>(sql)).rows)

const code = (expected: ErrorCode) => (error: unknown) => error instanceof AvalError && error.code === expected

describe('a server of our own', () => {
  test('that is killed leaves neither process nor shared memory behind', {
    skip: process.platform !== 'linux' && 'Only Linux tells it',
  }, async () => {
    const options = fresh()
    const server = await startServer(options)
    const maps = await readFile(`/proc/${server.pid}/maps`, 'utf8')
    const segments = maps.match(/\/dev\/shm\/\S+/g) ?? []
    assert.ok(segments.length > 0)
    await killServer(options.dataDirectory, clock)
    assert.deepEqual(await serverProcesses(options.dataDirectory), [])
    for (const segment of segments) await assert.rejects(stat(segment), /ENOENT/)
    await server.stop('immediate')
  })

  test('keeps its data over a stop, and leaves neither process, socket nor mark behind', async () => {
    const options = fresh()
    const first = await startServer(options)
    await rows(first, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    assert.equal(first.running(), false)
    assert.deepEqual(await serverProcesses(options.dataDirectory), [])
    await assert.rejects(stat(first.socketDirectory), /ENOENT/)
    await assert.rejects(stat(`${options.dataDirectory}.owner`), /ENOENT/)

    await using(options, async (second) => {
      assert.deepEqual(await rows(second, 'SELECT answer FROM kept'), [{ answer: 42 }])
    })
  })

  test('is ready to be backed up and checks its pages', async () => {
    await using(fresh(), async (server) => {
      const { rows: settings } = await withClient(server.url(), (client) =>
        client.query(`SELECT name, setting FROM pg_settings WHERE name IN
          ('wal_level', 'data_checksums', 'fsync', 'full_page_writes', 'server_encoding', 'listen_addresses') ORDER BY 1`),
      )
      assert.deepEqual(Object.fromEntries(settings.map(({ name, setting }) => [name, setting])), {
        data_checksums: 'on',
        fsync: 'on',
        full_page_writes: 'on',
        listen_addresses: '127.0.0.1',
        server_encoding: 'UTF8',
        wal_level: 'replica',
      })
      assert.equal(server.version, (await rows(server, 'SHOW server_version'))[0]?.['server_version'])
    })
  })

  test('answers on no other address than 127.0.0.1', async (t) => {
    const other = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)
    if (other === undefined) return t.skip('this machine has no address beyond the loopback')
    await using(fresh(), async (server) => {
      const outcome = await new Promise((resolve) => {
        const socket = createConnection({ host: other.address, port: server.port })
        socket.once('connect', () => socket.destroy() && resolve('connected'))
        socket.once('error', (error) => resolve('code' in error ? error.code : 'failed'))
      })
      assert.equal(outcome, 'ECONNREFUSED')
    })
  })

  test('asks everybody who comes over TCP for a password, and keeps its own readable to Aval alone', async () => {
    const options = fresh()
    await using(options, async (server) => {
      const withoutPassword = server.url({ user: 'aval' })
      await assert.rejects(
        withClient(withoutPassword, async () => undefined),
        /password/,
      )
      await assert.rejects(
        withClient(server.url({ user: 'aval', password: 'guess' }), async () => undefined),
        code('POSTGRES_ACCESS_DENIED'),
      )
      assert.equal((await stat(`${options.dataDirectory}.secret`)).mode & 0o777, 0o600)
      assert.equal((await stat(server.socketDirectory)).mode & 0o777, 0o700)
    })
  })

  test('has the settings of the plan, keeps them when none are given, and refuses those that are its own', async () => {
    const options = fresh()
    const setting = async (server: Server) => (await rows(server, 'SHOW max_connections'))[0]?.['max_connections']
    await using({ ...options, settings: { max_connections: 37, application_name: "it's" } }, async (server) => {
      assert.equal(await setting(server), '37')
    })
    await using(options, async (server) => assert.equal(await setting(server), '37'))
    for (const name of ['fsync', 'log_destination', 'Port', "x'\ny"]) {
      await assert.rejects(startServer({ ...options, settings: { [name]: 'x' } }), code('POSTGRES_SETTING_RESERVED'))
    }
  })

  test('that cannot start says why in the words of Postgres and holds nothing', async () => {
    const options = fresh()
    const wrong = startServer({ ...options, settings: { shared_bufers: '1GB' } })
    await assert.rejects(wrong, (error) => {
      assert.ok(error instanceof AvalError)
      assert.equal(error.code, 'POSTGRES_START_FAILED')
      assert.match(error.next, /unrecognized configuration parameter "shared_bufers"/)
      return true
    })
    await using({ ...options, settings: {} }, async (server) => assert.ok(server.running()))
  })

  test('that must have a port which is taken says so', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    try {
      await new Promise((resolve) => holder.once('listening', resolve))
      const address = holder.address()
      assert.ok(typeof address === 'object' && address !== null)
      await assert.rejects(startServer({ ...fresh(), port: address.port }), (error) => {
        assert.ok(error instanceof AvalError)
        assert.match(error.next, /could not bind|Address already in use|could not create any TCP/)
        return true
      })
    } finally {
      holder.close()
    }
  })

  test('is not made of a folder that holds something else, nor of another major version', async () => {
    const options = fresh()
    await cp(import.meta.filename, join(options.dataDirectory, 'notes.txt'))
    await assert.rejects(startServer(options), code('POSTGRES_NOT_A_CLUSTER'))
    await rm(join(options.dataDirectory, 'notes.txt'))
    await writeFile(join(options.dataDirectory, 'PG_VERSION'), '9\n')
    await assert.rejects(startServer(options), code('POSTGRES_WRONG_MAJOR'))
  })
})

describe('after a crash', () => {
  test('of Postgres: what was committed is there, what was not is gone', async () => {
    const options = fresh()
    const server = await startServer(options)
    await rows(server, 'CREATE TABLE deeds (name text)')
    await rows(server, "INSERT INTO deeds VALUES ('committed')")
    await withClient(server.url(), async (client) => {
      await client.query("BEGIN; INSERT INTO deeds VALUES ('open')")
      await server.kill()
    })
    assert.deepEqual(await serverProcesses(options.dataDirectory), [])
    await using(options, async (again) => {
      assert.deepEqual(await rows(again, 'SELECT name FROM deeds'), [{ name: 'committed' }])
    })
  })

  test('of the postmaster alone, while a session is busy: the server is known to be down and starts again', async () => {
    const options = fresh()
    const server = await startServer(options)
    await rows(server, 'CREATE TABLE kept ()')
    const busy = rows(server, 'SELECT count(*) FROM generate_series(1, 1e10)').catch(() => 'broken')
    process.kill(server.pid, 'SIGKILL')
    await server.ended
    assert.equal(server.running(), false)
    assert.equal(await busy, 'broken')
    await using(options, async (again) => assert.deepEqual(await rows(again, 'SELECT * FROM kept'), []))
  })

  test('of Aval: the next start takes over from the server it left', async () => {
    const options = fresh()
    const { postmaster, avalPid, socketDirectory } = await leaveServerBehind(options.dataDirectory)
    assert.ok(processExists(postmaster), 'the server outlives a kill -9 of Aval')
    assert.ok(!processExists(avalPid))
    await using(options, async (server) => {
      assert.notEqual(server.pid, postmaster)
      const postmasters = (await serverProcesses(options.dataDirectory)).filter(({ role }) => role === 'postmaster')
      assert.deepEqual(postmasters, [{ pid: server.pid, role: 'postmaster' }])
      assert.deepEqual(await rows(server, 'SELECT answer FROM kept'), [{ answer: 42 }])
      assert.equal(server.socketDirectory, socketDirectory, 'no heap of sockets')
    })
  })

  test('of Aval at any moment of a start: the next one finds its way', async () => {
    const options = fresh()
    const seed = Date.now() % 100_000
    const random = seededRandom(seed)
    const moments = Array.from({ length: 6 }, () => random.int(900))
    for (const moment of moments) {
      const aval = await startAval(options.dataDirectory)
      let complaint = ''
      aval.process.stderr?.on('data', (chunk: Buffer) => {
        complaint += chunk
      })
      await clock.sleep(moment)
      assert.equal(aval.process.exitCode, null, `seed ${seed}: it gave up by itself: ${complaint}`)
      process.kill(aval.pid, 'SIGKILL')
      await aval.ended
    }
    await using(options, async (server) => {
      assert.deepEqual(await rows(server, 'SELECT 1 AS one'), [{ one: 1 }], `seed ${seed}: killed after ${moments} ms`)
      const postmasters = (await serverProcesses(options.dataDirectory)).filter(({ role }) => role === 'postmaster')
      assert.equal(postmasters.length, 1)
    })
    // A draft of an owner's mark is the one thing a kill within that very millisecond may leave.
    const base = basename(options.dataDirectory)
    const left = (await readdir(place.path)).filter((name) => name.startsWith(`${base}.`) && !name.includes('.draft-'))
    assert.deepEqual(left, [`${base}.secret`], `seed ${seed}: killed after ${moments} ms`)
  })

  test('a pid file whose number is a stranger now hinders nobody, and the stranger lives on', async () => {
    const options = fresh()
    await (await startServer(options)).kill()
    const pidFile = join(options.dataDirectory, 'postmaster.pid')
    const stranger = await startChild({ program: 'sleep', args: ['600'] })
    try {
      const [, ...rest] = (await readFile(pidFile, 'utf8')).split('\n')
      await writeFile(pidFile, [stranger.pid, ...rest].join('\n'))
      await using(options, async (server) => assert.ok(server.running()))
      assert.ok(processExists(stranger.pid))
    } finally {
      await stranger.stop({ signal: 'SIGKILL' })
    }
  })
})

describe('one directory, one owner', () => {
  test('a second start names the process that runs the server, and of two at once one wins', async () => {
    const options = fresh()
    const starts = await Promise.allSettled([startServer(options), startServer(options)])
    const won = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
    const lost = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []))
    try {
      assert.equal(won.length, 1)
      assert.ok(lost[0] instanceof AvalError)
      assert.equal(lost[0].code, 'POSTGRES_IN_USE')
      assert.match(lost[0].message, new RegExp(`process ${process.pid}\\b`))
    } finally {
      for (const server of won) await server.stop()
    }
  })

  test('a server that somebody started by hand is left alone', async () => {
    const options = fresh()
    await using(options, async () => undefined)
    const pid = await startByHand(options.dataDirectory)
    try {
      await assert.rejects(startServer(options), code('POSTGRES_RUNNING_ELSEWHERE'))
      assert.ok(processExists(pid), 'still there')
    } finally {
      process.kill(pid, 'SIGQUIT')
      while ((await serverProcesses(options.dataDirectory)).length > 0) await clock.sleep(20)
    }
  })

  test('others may attach to it while it runs, not after', async () => {
    const options = fresh()
    await using(options, async (server) => {
      const attached = await attachServer(options.dataDirectory)
      assert.deepEqual([attached.pid, attached.port, attached.major], [server.pid, server.port, server.major])
      assert.deepEqual(await rows(attached, 'SELECT current_user'), [{ current_user: 'aval' }])
    })
    await assert.rejects(attachServer(options.dataDirectory), code('POSTGRES_NOT_RUNNING'))
  })
})

describe('a data directory that comes from elsewhere', () => {
  test('starts without its secret: the superuser gets a new password', async () => {
    const origin = fresh()
    await using(origin, (server) => rows(server, 'CREATE TABLE carried ()'))
    const restored = fresh()
    await cp(origin.dataDirectory, restored.dataDirectory, { recursive: true })
    await using(restored, async (server) => {
      assert.match(server.url(), /@127\.0\.0\.1:/)
      assert.deepEqual(await rows(server, 'SELECT * FROM carried'), [])
    })
  })

  test('is handed out while it still recovers, and can tell when it takes writes', async () => {
    const origin = fresh()
    await using(origin, (server) => rows(server, 'CREATE TABLE carried ()'))
    const restored = fresh()
    await cp(origin.dataDirectory, restored.dataDirectory, { recursive: true })
    await writeFile(join(restored.dataDirectory, 'standby.signal'), '')
    await using(restored, async (server) => {
      assert.deepEqual(await rows(server, 'SELECT pg_is_in_recovery() AS recovering'), [{ recovering: true }])
      await assert.rejects(server.waitUntilWritable(50), code('POSTGRES_NOT_WRITABLE'))
      await rows(server, 'SELECT pg_promote(false)')
      await server.waitUntilWritable()
      assert.match(server.url(), /@127\.0\.0\.1:/)
      await rows(server, 'INSERT INTO carried DEFAULT VALUES')
    })
  })
})

/** An Aval that starts a server, tells of it and waits. */
function startAval(dataDirectory: string): Promise<Child> {
  const program = `
    import { systemClock } from ${JSON.stringify(join(import.meta.dirname, '../clock.ts'))}
    import { findBinaries } from ${JSON.stringify(join(import.meta.dirname, 'binaries.ts'))}
    import { startServer } from ${JSON.stringify(join(import.meta.dirname, 'launch.ts'))}
    import { withClient } from ${JSON.stringify(join(import.meta.dirname, 'connection.ts'))}
    const server = await startServer({ dataDirectory: ${JSON.stringify(dataDirectory)}, binaries: await findBinaries('embedded'), clock: systemClock })
    await withClient(server.url(), (client) => client.query('CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer'))
    console.log(JSON.stringify({ postmaster: server.pid, socketDirectory: server.socketDirectory }))
    setInterval(() => undefined, 1000)
  `
  return startChild({ program: process.execPath, args: ['--input-type=module', '--eval', program] })
}

/** Runs an Aval that starts a server and is killed with it running. */
async function leaveServerBehind(
  dataDirectory: string,
): Promise<{ postmaster: number; avalPid: number; socketDirectory: string }> {
  const aval = await startAval(dataDirectory)
  const output = new Promise<string>((resolve, reject) => {
    aval.process.stdout?.setEncoding('utf8').once('data', resolve)
    void aval.ended.then(() => reject(new Error('ended before it was ready')))
  })
  const { postmaster, socketDirectory }: { postmaster: number; socketDirectory: string } = JSON.parse(await output)
  process.kill(aval.pid, 'SIGKILL')
  await aval.ended
  return { postmaster, avalPid: aval.pid, socketDirectory }
}

/** A postmaster as `pg_ctl start` would leave it, knowing nothing of Aval. It listens on its socket alone, so no port can be taken. */
async function startByHand(dataDirectory: string): Promise<number> {
  const { uid, gid } = await stat(dataDirectory)
  const child = await startChild({
    program: join(binaries.directory, 'postgres'),
    args: ['-D', dataDirectory, '-p', '5432', '-c', 'listen_addresses=', '-c', `unix_socket_directories=${place.path}`],
    cwd: '/',
    account: { uid, gid },
  })
  let said = ''
  child.process.stderr?.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  const deadline = clock.now() + 60_000
  while (!(await stat(join(place.path, '.s.PGSQL.5432')).catch(() => false))) {
    assert.ok(clock.now() < deadline && processExists(child.pid), `the server by hand came up: ${said}`)
    await clock.sleep(20)
  }
  return child.pid
}
