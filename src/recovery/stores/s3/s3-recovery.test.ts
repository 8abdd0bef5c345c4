import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type S3Server, startS3Server } from '../../../../test/s3-server/start-server.ts'
import { systemClock } from '../../../clock.ts'
import { withClient } from '../../../postgres/connection.ts'
import type { OwnedServer } from '../../../postgres/server.ts'
import { createBackup } from '../../backup/base-backup.ts'
import { makePlace, type Place, repositoryKey } from '../../cluster.fixture.ts'
import { openRepository, type Repository } from '../../repository/repository.ts'
import { verifyRepository } from '../../repository/verify.ts'
import { finishRestore } from '../../restore/finish-restore.ts'
import { restore } from '../../restore/restore.ts'
import { copyRepository } from '../copy-repository.ts'
import { copyLag } from '../copying.ts'
import { directoryStore } from '../directory-store.ts'
import { storeOn } from './s3.fixture.ts'

/** Everything that passes again, now and then, at the operations where it hurts. */
function misbehave(s3: S3Server): () => void {
  const lifts = [
    s3.fault({ kind: 'answer-lost', on: ['PutObject', 'CompleteUpload'], every: 5 }),
    s3.fault({ kind: 'slow-down', on: ['PutObject', 'UploadPart', 'GetObject', 'ListObjects'], every: 7 }),
    s3.fault({ kind: 'reset', on: ['UploadPart', 'GetObject', 'HeadObject', 'DeleteObject'], every: 9 }),
    s3.fault({ kind: 'failed-after', on: ['PutObject', 'DeleteObject'], every: 11 }),
    s3.fault({ kind: 'truncated', every: 4 }),
    s3.fault({ kind: 'stale-listing', ms: 400, every: 3 }),
  ]
  return () => {
    for (const lift of lifts) lift()
  }
}

suite('backup, WAL and restore through S3 that misbehaves', { timeout: 120_000 }, () => {
  let place: Place
  let s3: S3Server
  let repository: Repository
  const count = (server: OwnedServer) =>
    withClient(server.url(), async (client) => {
      const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM entry')
      return rows[0]?.n
    })
  before(async () => {
    s3 = await startS3Server({ pageSize: 7 })
    place = await makePlace()
    const store = storeOn(s3, { clock: systemClock, retry: { attempts: 10, firstPauseMs: 5, longestPauseMs: 50 } })
    repository = await openRepository({ store, key: repositoryKey, system: 'shop' })
  })
  after(async () => {
    await place.remove()
    await s3.close()
  })

  test('no acknowledged row is lost, nothing is damaged, and a copy alone brings it all back', async () => {
    const lift = misbehave(s3)
    const server = await place.server()
    await withClient(server.url(), (client) => client.query('CREATE TABLE entry (id int PRIMARY KEY, text text)'))
    const receiver = await place.receiver(server, { repository })
    await withClient(server.url(), (client) =>
      client.query('INSERT INTO entry SELECT n, md5(n::text) FROM generate_series(1, 20000) n'),
    )
    await createBackup({ url: server.url(), repository, clock: systemClock, receiver })
    for (let row = 20_001; row <= 20_040; row++) {
      await withClient(server.url(), (client) => client.query("INSERT INTO entry VALUES ($1, 'later')", [row]))
    }
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 30_000)
    await receiver.stop()
    await server.kill()
    lift()
    assert.deepEqual(s3.held.uploads(), [], 'no upload was left half done')
    const report = await verifyRepository(repository)
    assert.deepEqual([report.sound, report.problems], [true, []])

    const liftAgain = misbehave(s3)
    const restored = await restore({ repository, to: place.path('restored'), at: 'latest', clock: systemClock })
    liftAgain()
    const recover = (dataDirectory: string) =>
      finishRestore({
        dataDirectory,
        binaries: place.binaries,
        clock: systemClock,
        afterRestore: [],
        database: 'postgres',
        owner: 'postgres',
      })
    assert.equal(await count(place.adopt(await recover(restored.dataDirectory))), 20_040)

    const copy = directoryStore(place.path('copy'))
    await copyRepository({ from: repository.store, to: copy, clock: systemClock })
    const copied = await openRepository({ store: copy, key: repositoryKey, system: 'shop', create: false })
    assert.deepEqual(await copyLag({ from: repository, to: copied }), {
      ms: 0,
      walBytes: 0n,
      reaches: (await copyLag({ from: repository, to: repository })).reaches,
    })
    await s3.close()
    assert.equal((await verifyRepository(copied)).sound, true)
    const again = await restore({ repository: copied, to: place.path('again'), at: 'latest', clock: systemClock })
    assert.equal(await count(place.adopt(await recover(again.dataDirectory))), 20_040)
  })
})
