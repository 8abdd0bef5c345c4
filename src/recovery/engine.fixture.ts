import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { withClient } from '../postgres/connection.ts'
import type { OwnedServer, Server } from '../postgres/server.ts'
import { makePlace, type Place, repositoryKey } from './cluster.fixture.ts'
import type { EngineBackup, EngineName, Protection, RecoveryEngine } from './engine.ts'
import { openEngine } from './open-engine.ts'
import { openRepository } from './repository/repository.ts'
import { directoryStore } from './stores/directory-store.ts'

export interface EngineSpec {
  name: EngineName
  /** Servers of the test. */
  servers: 'embedded' | 'installed'
  /** Why it cannot be tried here; printed. */
  skip: string | false
  /** Where its backups lie, below the folder of the test. */
  store: string
}

/**
 * What every engine must do, tried on a real server: writes go on while it is backed up and are held against what the server had
 * acknowledged, once it and its data are gone.
 */
export function specifyEngine({ name, servers, skip, store }: EngineSpec): void {
  suite(`the ${name} engine`, { timeout: 120_000, skip }, () => {
    let place: Place
    let engine: RecoveryEngine
    let server: OwnedServer
    let protection: Protection | undefined
    let writer: Writer
    let backup: EngineBackup
    /** Acknowledged by then, and a moment that can be restored. */
    let moment: { at: number; id: number }
    let lastKept: number

    const openIt = async (key: Uint8Array = repositoryKey, repository = 'repository') =>
      openEngine({
        name,
        repository: await openRepository({ store: directoryStore(place.path(repository)), key, system: 'shop' }),
        folder: place.path('engine'),
        clock: systemClock,
      })
    const rows = async (on: Server) => {
      const result = await withClient(on.url({ database: 'shop' }), (client) =>
        client.query<{ id: number }>('SELECT id FROM entry ORDER BY id'),
      )
      return result.rows.map(({ id }) => id)
    }
    const recover = async (dataDirectory: string) =>
      place.adopt(
        await engine.recover({
          dataDirectory,
          binaries: place.binaries,
          clock: systemClock,
          afterRestore: ['INSERT INTO entry VALUES (0)'],
          database: 'shop',
          owner: 'shop_owner',
        }),
      )

    before(async () => {
      place = await makePlace(servers)
      engine = await openIt()
    })
    after(async () => {
      await writer?.stop()
      await protection?.stop()
      await place.remove()
    })

    test('without a backup lists nothing and refuses to restore', async () => {
      assert.deepEqual(await engine.list(), [])
      assert.equal(await engine.window(), undefined)
      await assert.rejects(engine.restore({ to: place.path('none'), at: 'latest' }), { code: 'BACKUP_NONE' })
      await assert.rejects(readdir(place.path('none')), { code: 'ENOENT' })
    })

    test('takes a backup while the server serves', async () => {
      server = await place.server('data', { ...engine.serverSettings })
      await withClient(server.url(), async (client) => {
        await client.query('CREATE ROLE shop_owner LOGIN')
        await client.query('CREATE DATABASE shop OWNER shop_owner')
      })
      await withClient(server.url({ database: 'shop' }), async (client) => {
        await client.query('SET ROLE shop_owner')
        await client.query('CREATE TABLE entry (id int PRIMARY KEY)')
      })
      protection = await engine.protect(server, { heartbeatMs: 200 })
      writer = startWriter(server.url({ database: 'shop' }))
      await writer.reach(20)
      const before = writer.acknowledged()
      backup = await engine.backup({ server, label: 'first' })
      assert.ok(writer.acknowledged() > before, 'writes went on')
      assert.equal(backup.engine, name)
      assert.equal(backup.label, 'first')
      assert.equal(backup.postgres.major, server.major)
      assert.ok(backup.startedAt <= backup.stoppedAt && backup.bytes > 0 && backup.storedBytes > 0)
      assert.deepEqual(await engine.list(), [backup])
    })

    test('keeps what is written after it, as far as it says', async () => {
      const kept = protection
      assert.ok(kept)
      await writer.reach(writer.acknowledged() + 20)
      const { at } = await kept.heartbeat()
      moment = { at, id: writer.acknowledged() }
      await writer.reach(moment.id + 20)
      await writer.stop()
      lastKept = writer.acknowledged()
      const mark = await kept.heartbeat()
      if (engine.pointInTime) {
        await kept.waitUntilKept(mark, 20_000)
        assert.ok((kept.keptUntil() ?? 0) >= mark.at)
        const window = await engine.window()
        assert.ok(window && window.from <= moment.at && moment.at <= window.to)
      } else {
        await assert.rejects(kept.waitUntilKept(mark, 200), { code: 'ENGINE_NOT_KEPT' })
        assert.ok((kept.keptUntil() ?? 0) < mark.at)
      }
    })

    test('refuses the directory of a running server, and one that holds anything', async () => {
      await assert.rejects(engine.restore({ to: place.path('data'), at: 'latest' }), { code: 'RESTORE_SERVER_RUNNING' })
      await assert.rejects(engine.restore({ to: place.path(), at: 'latest' }), { code: 'RESTORE_NOT_EMPTY' })
      assert.ok(server.running())
    })

    test('brings back the latest state once the server is lost', async () => {
      await server.kill()
      await protection?.stop()
      engine = await openIt()
      // Where only dumps can be restored, a moment after the newest is that dump.
      const at = engine.pointInTime ? 'latest' : Date.now()
      const result = await engine.restore({ to: place.path('latest'), at })
      assert.equal(result.backup.id, backup.id)
      const restored = await recover(result.dataDirectory)
      const found = await rows(restored)
      assert.equal(found.shift(), 0, 'the SQL of the plan was run')
      assert.deepEqual(found, countTo(found.length))
      if (engine.pointInTime) {
        assert.ok(found.length >= lastKept, `${found.length} of ${lastKept} acknowledged`)
        assert.equal(result.behindMs, 0)
      } else {
        const [low, high] = [writer.acknowledgedBy(backup.startedAt), writer.begunBy(backup.restoresFrom)]
        assert.ok(low <= found.length && found.length <= high, `${found.length} is not in ${low}..${high}`)
        assert.ok(result.behindMs > 0)
      }
      await restored.stop()
    })

    test('brings back a moment', async (t) => {
      if (!engine.pointInTime) return t.skip('it restores its dumps alone')
      const { at } = moment
      const result = await engine.restore({ to: place.path('moment'), at })
      const restored = await recover(result.dataDirectory)
      const count = (await rows(restored)).length - 1
      const [low, high] = [writer.acknowledgedBy(at - 5), writer.begunBy(at + 5)]
      assert.ok(low <= count && count <= high && count < lastKept, `${count} is not in ${low}..${high}`)
      await restored.stop()
    })

    test('refuses a moment before its first backup and a backup it does not have', async () => {
      const to = place.path('refused')
      await assert.rejects(engine.restore({ to, at: Date.UTC(2020, 0) }), { code: 'RESTORE_OUTSIDE_WINDOW' })
      await assert.rejects(engine.restore({ to, at: 'latest', backup: '20200101T000000Z-00000000' }), {
        code: 'BACKUP_UNKNOWN',
      })
      await assert.rejects(readdir(to), { code: 'ENOENT' })
    })

    test('finds its repository sound, then a changed byte in it, which it does not restore', async () => {
      const sound = await engine.verify()
      assert.deepEqual([sound.sound, sound.problems, sound.backups], [true, [], [{ id: backup.id, sound: true }]])
      assert.ok(sound.objects > 0 && sound.bytes > 0)
      const file = await largestFile(place.path(store))
      const whole = await readFile(file)
      const damaged = Buffer.from(whole)
      damaged[whole.length >> 1] = (whole[whole.length >> 1] ?? 0) ^ 1
      await writeFile(file, damaged)
      const report = await engine.verify()
      assert.equal(report.sound, false)
      assert.deepEqual(report.backups, [{ id: backup.id, sound: false }])
      await assert.rejects(engine.restore({ to: place.path('damaged'), at: 'latest' }))
      await assert.rejects(readdir(place.path('damaged')), { code: 'ENOENT' })
      await writeFile(file, whole)
    })

    test('opens with its key alone', async () => {
      await assert.rejects(openIt(new Uint8Array(32).fill(1)), { code: 'REPOSITORY_WRONG_KEY' })
    })
  })
}

interface Writer {
  /** The last number the server acknowledged; it has all before it. */
  acknowledged(): number
  /** By a moment of the clock both share, milliseconds since the epoch. */
  acknowledgedBy(at: number): number
  begunBy(at: number): number
  reach(id: number): Promise<void>
  stop(): Promise<void>
}

/** Writes 1, 2, 3 and so on, each in a transaction of its own. */
function startWriter(url: string): Writer {
  const begun: number[] = []
  const acknowledged: number[] = []
  let stopped = false
  const done = withClient(url, async (client) => {
    while (!stopped) {
      begun.push(Date.now())
      await client.query('INSERT INTO entry VALUES ($1)', [begun.length])
      acknowledged.push(Date.now())
      await systemClock.sleep(5)
    }
  })
  const failed = done.then(
    () => undefined,
    (error: unknown) => error,
  )
  return {
    acknowledged: () => acknowledged.length,
    acknowledgedBy: (at) => acknowledged.filter((each) => each < at).length,
    begunBy: (at) => begun.filter((each) => each <= at).length,
    reach: async (id) => {
      const deadline = Date.now() + 20_000
      while (acknowledged.length < id) {
        if (Date.now() > deadline) assert.fail(`no write ${id}: ${await Promise.race([failed, 'slow'])}`)
        await systemClock.sleep(5)
      }
    },
    stop: async () => {
      stopped = true
      await failed
    },
  }
}

function countTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1)
}

async function largestFile(folder: string): Promise<string> {
  let largest = { file: '', size: 0 }
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const { size } = await stat(file)
    if (size > largest.size) largest = { file, size }
  }
  return largest.file
}
