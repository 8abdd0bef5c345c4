import assert from 'node:assert/strict'
import { chown, mkdir } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { serverAccount } from '../../postgres/account.ts'
import { withClient } from '../../postgres/connection.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { makePlace, type Place, repositoryKey } from '../cluster.fixture.ts'
import { listBackups } from '../repository/list-backups.ts'
import { openRepository } from '../repository/repository.ts'
import { restoreWindow } from '../restore/restore-point.ts'
import { directoryStore } from '../stores/directory-store.ts'
import type { Store } from '../stores/store.ts'
import { connectReplication } from '../wal/replication.ts'
import { createBackup } from './base-backup.ts'

suite('base backup', { timeout: 120_000 }, () => {
  let place: Place
  let server: OwnedServer
  before(async () => {
    place = await makePlace()
    server = await place.server()
  })
  after(() => place.remove())

  const keys = async (prefix: string) => {
    const found: string[] = []
    for await (const { key } of place.repository.store.list(prefix)) found.push(key)
    return found
  }
  const slots = () =>
    withClient(server.url(), async (client) => (await client.query('SELECT slot_name FROM pg_replication_slots')).rows)

  test('without a receiver it brings the WAL it needs itself, can be restored, and leaves no slot', async () => {
    const backup = await createBackup({ url: server.url(), repository: place.repository, clock: systemClock })
    const window = await restoreWindow(place.repository)
    assert.equal(window?.from, backup.stoppedAt)
    assert.ok(window.to >= window.from)
    assert.deepEqual(await slots(), [])
  })

  test('one that is broken off leaves nothing of itself', async () => {
    const before = await keys('backups/')
    const stop = new AbortController()
    const aborted = createBackup({
      url: server.url(),
      repository: place.repository,
      clock: systemClock,
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('told to stop')),
    })
    await assert.rejects(aborted, /told to stop/)
    assert.deepEqual(await keys('backups/'), before)
    assert.deepEqual(await slots(), [])
  })

  test('one whose store fails leaves nothing either', async () => {
    const inner = directoryStore(place.path('repository'))
    const store: Store = {
      ...inner,
      put: async (key, content, options) => {
        if (key.endsWith('/manifest')) throw new Error('the store broke')
        return inner.put(key, content, options)
      },
    }
    const repository = await openRepository({ store, key: repositoryKey, system: 'shop' })
    const before = await keys('backups/')
    await assert.rejects(
      createBackup({ url: server.url(), repository, clock: systemClock, storePatienceMs: 300 }),
      /the store broke/,
    )
    assert.deepEqual(await keys('backups/'), before)
    assert.equal((await listBackups(place.repository)).length, 1)
  })

  test('an outage of the store between its last objects is waited out', async () => {
    const inner = directoryStore(place.path('repository'))
    let refused = 0
    const store: Store = {
      ...inner,
      put: async (key, content, options) => {
        if (/^backups\/.*\/(manifest|backup)$/.test(key) && refused < 4 && refused++ >= 0)
          throw new Error('the store is away')
        return inner.put(key, content, options)
      },
    }
    const repository = await openRepository({ store, key: repositoryKey, system: 'shop' })
    const backup = await createBackup({ url: server.url(), repository, clock: systemClock })
    assert.equal(refused, 4)
    assert.deepEqual((await listBackups(place.repository)).at(-1), backup)
  })

  test('the server waits for a slow store: what is held in memory stays small', async () => {
    const connection = await connectReplication(server.url(), 'slow')
    const copy = connection.copy("BASE_BACKUP (LABEL 'slow', CHECKPOINT 'fast', WAL false, WAIT false)")
    await copy.before
    let held = -1
    // Nothing is taken until no more arrives.
    while (copy.waiting() !== held) {
      held = copy.waiting()
      await systemClock.sleep(200)
    }
    let bytes = 0
    let total = 0
    for await (const message of copy.messages) {
      if (total === bytes && held-- > 0) bytes += message.length
      total += message.length
    }
    assert.ok(bytes > 1e6 && bytes < 6e6, `${bytes} bytes were held`)
    assert.ok(total > 2 * bytes, `${total} bytes came in all`)
    await connection.close()
  })

  test('a cluster with tablespaces of its own is refused', async () => {
    const location = place.path('elsewhere')
    await mkdir(location)
    const account = serverAccount()
    if (account) await chown(location, account.uid, account.gid)
    await withClient(server.url(), (client) => client.query(`CREATE TABLESPACE elsewhere LOCATION '${location}'`))
    const before = await keys('backups/')
    await assert.rejects(createBackup({ url: server.url(), repository: place.repository, clock: systemClock }), {
      code: 'BACKUP_TABLESPACES',
      message: /elsewhere/,
    })
    assert.deepEqual(await keys('backups/'), before)
  })
})
