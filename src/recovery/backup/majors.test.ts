import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import { makePlace } from '../cluster.fixture.ts'
import { verifyRepository } from '../repository/verify.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { restore } from '../restore/restore.ts'
import { createBackup } from './base-backup.ts'
import { binariesOf } from './majors.fixture.ts'

suite('every major version', { timeout: 240_000 }, () => {
  for (const major of [15, 16, 17, 18]) {
    test(`Postgres ${major} is backed up, verified and restored to a moment`, async (t) => {
      const binaries = await binariesOf(major)
      if ('reason' in binaries) return t.skip(binaries.reason)
      t.diagnostic(`Postgres ${binaries.version}`)
      const place = await makePlace(binaries)
      t.after(() => place.remove())
      const incremental = major >= 17
      const server = await place.server('data', incremental ? { summarize_wal: true } : {})
      const receiver = await place.receiver(server)
      await withClient(server.url(), (client) => client.query('CREATE TABLE entry AS SELECT 1 AS id'))
      const { repository } = place
      const backup = await createBackup({ url: server.url(), repository, clock: systemClock, receiver })
      assert.equal(backup.postgres.major, major)
      await withClient(server.url(), (client) => client.query('INSERT INTO entry VALUES (2)'))
      const follow = () =>
        createBackup({ url: server.url(), repository, clock: systemClock, receiver, kind: 'incremental' })
      if (incremental) assert.equal((await follow()).parent, backup.id)
      else await assert.rejects(follow(), { code: 'BACKUP_INCREMENTAL_TOO_OLD' })
      const { at } = await receiver.heartbeat()
      await systemClock.sleep(5)
      await withClient(server.url(), (client) => client.query('INSERT INTO entry VALUES (3)'))
      // WAL may be stored before the receiver hears that its heartbeat was committed: that moment counts with the next one.
      do await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 20_000)
      while ((receiver.newestMark()?.at ?? 0) <= at)
      await server.kill()
      await receiver.stop()
      assert.deepEqual((await verifyRepository(repository)).problems, [])
      const { backup: from } = await restore({ repository, to: place.path('restored'), at, clock: systemClock })
      assert.equal(from.parent, incremental ? backup.id : undefined)
      const restored = place.adopt(
        await finishRestore({
          dataDirectory: place.path('restored'),
          binaries,
          clock: systemClock,
          afterRestore: ['INSERT INTO entry VALUES (10)'],
          database: 'postgres',
          owner: 'aval',
        }),
      )
      const { rows } = await withClient(restored.url(), (client) => client.query('SELECT id FROM entry ORDER BY id'))
      assert.deepEqual(rows, [{ id: 1 }, { id: 2 }, { id: 10 }])
    })
  }
})
