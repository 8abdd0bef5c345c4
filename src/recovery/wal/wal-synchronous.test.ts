import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { suite, type TestContext, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { connect, withClient } from '../../postgres/connection.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { startChild } from '../../process.ts'
import { seededRandom } from '../../random.ts'
import { createBackup } from '../backup/base-backup.ts'
import { makePlace, type Place, repositoryKey } from '../cluster.fixture.ts'
import { openRepository } from '../repository/repository.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { restore } from '../restore/restore.ts'
import { directoryStore } from '../stores/directory-store.ts'
import { type Lsn, parseLsn } from './lsn.ts'
import type { SynchronousState } from './wal-synchronous.ts'

const createTable = 'CREATE TABLE entry (id int PRIMARY KEY)'

async function newPlace(t: TestContext): Promise<{ place: Place; server: OwnedServer }> {
  const place = await makePlace()
  t.after(() => place.remove())
  const server = await place.server()
  await withClient(server.url(), (client) => client.query(createTable))
  return { place, server }
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `${what} did not come about`)
    await systemClock.sleep(20)
  }
}

/** A commit, and whether it has returned. */
function startCommit(server: OwnedServer, id: number, setting = 'on'): { returned(): boolean; done: Promise<Lsn> } {
  let returned = false
  const done = withClient(server.url(), async (client) => {
    await client.query(`SET synchronous_commit = ${setting}`)
    await client.query('INSERT INTO entry VALUES ($1)', [id])
    returned = true
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn')
    return parseLsn(rows[0]?.lsn ?? '')
  })
  return { returned: () => returned, done }
}

suite('synchronous receiver', { timeout: 120_000 }, () => {
  test('a commit returns only once the receiver has it; away, it is waited for; local commits never wait', async (t) => {
    const { place, server } = await newPlace(t)
    const synchronous = { url: server.url(), whenAway: 'wait' } as const
    const first = await place.receiver(server, { synchronous })
    await until('it is synchronous', () => first.synchronous() === 'synchronous')
    for (let id = 0; id < 20; id++) {
      const lsn = await startCommit(server, id).done
      assert.ok(first.position().spooled >= lsn - 1_000n, 'on the disk of the receiver when the commit returned')
    }
    await first.stop()

    const waiting = startCommit(server, 100)
    await startCommit(server, 101, 'local').done
    await systemClock.sleep(400)
    assert.equal(waiting.returned(), false)
    const second = await place.receiver(server, { synchronous })
    await waiting.done
    await until('it is synchronous again', () => second.synchronous() === 'synchronous')
  })

  test('with a limit commits return without the receiver, which is said, and wait for it again once it is back', async (t) => {
    const { place, server } = await newPlace(t)
    const states: SynchronousState[] = []
    let failing = false
    const inner = directoryStore(place.path('repository'))
    const store: typeof inner = {
      ...inner,
      put: (key, content, options) =>
        failing ? Promise.reject(new Error('the store is out of reach')) : inner.put(key, content, options),
    }
    const repository = await openRepository({ store, key: repositoryKey, system: 'shop' })
    const receiver = await place.receiver(server, {
      repository,
      acknowledge: 'stored',
      synchronous: { url: server.url(), whenAway: 600, onChange: (state) => states.push(state) },
    })
    await until('it is synchronous', () => receiver.synchronous() === 'synchronous')
    failing = true
    const waiting = startCommit(server, 1)
    await systemClock.sleep(200)
    assert.equal(waiting.returned(), false, 'what is not stored is not acknowledged')
    await waiting.done
    await until('it is said', () => states.includes('degraded'))
    await startCommit(server, 2).done
    failing = false
    await until('it is synchronous again', () => receiver.synchronous() === 'synchronous')
    await receiver.stop()
    await startCommit(server, 3).done
  })

  test('standbys somebody else named stay as they are', async (t) => {
    const { place, server } = await newPlace(t)
    await withClient(server.url(), async (client) => {
      await client.query("ALTER SYSTEM SET synchronous_standby_names = 'other'")
      await client.query("ALTER ROLE CURRENT_USER SET synchronous_commit = 'local'")
      await client.query('SELECT pg_reload_conf()')
    })
    const troubles: unknown[] = []
    const receiver = await place.receiver(server, {
      synchronous: { url: server.url(), whenAway: 'wait' },
      onTrouble: (error) => troubles.push(error),
    })
    await until('it is said', () => String(troubles).includes('synchronous_standby_names is "other" already'))
    assert.equal(receiver.synchronous(), 'waiting')
  })

  test('receiver and server killed at random, server and spool lost: every acknowledged commit is in the store', async (t) => {
    const seed = Date.now() % 1_000_000
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    const { place, server } = await newPlace(t)
    await createBackup({ url: server.url(), repository: place.repository, clock: systemClock })
    const start = async () => {
      const child = await startChild({
        program: process.execPath,
        args: [
          new URL('receiver.fixture.ts', import.meta.url).pathname,
          server.url(),
          place.path('repository'),
          place.path('spool'),
          'stored',
        ],
      })
      if (child.process.stdout) await once(child.process.stdout, 'data')
      return child
    }
    let child = await start()
    await until('commits wait for it', () =>
      withClient(server.url(), async (client) => {
        const { rows } = await client.query("SELECT FROM pg_stat_replication WHERE sync_state = 'sync'")
        return rows.length === 1
      }),
    )
    const acknowledged: number[] = []
    const writing = (async () => {
      const client = await connect(server.url())
      for (let id = 0; ; id++) {
        await client.query('INSERT INTO entry VALUES ($1)', [id])
        acknowledged.push(id)
      }
    })().catch(() => undefined)
    for (let kill = 0; kill < 2; kill++) {
      const before = acknowledged.length
      await until('clients are answered', () => acknowledged.length > before + 20)
      await systemClock.sleep(random.int(300))
      child.signal('SIGKILL')
      await child.ended
      // What a receiver that was killed had on its machine is lost with it.
      await rm(place.path('spool'), { recursive: true })
      child = await start()
    }
    const before = acknowledged.length
    await until('clients are answered', () => acknowledged.length > before + 20)
    await systemClock.sleep(random.int(300))
    child.signal('SIGKILL')
    await server.kill()
    await writing
    await rm(place.path('spool'), { recursive: true })
    await restore({ repository: place.repository, to: place.path('restored'), at: 'latest', clock: systemClock })
    const restored = place.adopt(
      await finishRestore({
        dataDirectory: place.path('restored'),
        binaries: place.binaries,
        clock: systemClock,
        afterRestore: [],
        database: 'postgres',
        owner: 'aval',
      }),
    )
    const rows = await withClient(restored.url(), async (client) => {
      // The first commit of a restored server waits for nobody: the receiver of the lost one is not its own.
      await client.query('INSERT INTO entry VALUES (-1)')
      return (await client.query<{ id: number }>('SELECT id FROM entry')).rows
    })
    const there = new Set(rows.map(({ id }) => id))
    t.diagnostic(`${acknowledged.length} acknowledged`)
    assert.deepEqual(
      acknowledged.filter((id) => !there.has(id)),
      [],
    )
  })
})
