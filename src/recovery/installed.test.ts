import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { withClient } from '../postgres/connection.ts'
import { createBackup } from './base-backup.ts'
import { makePlace } from './cluster.fixture.ts'
import { finishRestore } from './finish-restore.ts'
import { restore } from './restore.ts'

const installed = await findBinaries('installed').catch(() => undefined)
const skip = installed ? false : 'no Postgres is installed on this machine'

test('the Postgres of the machine is backed up and restored to a moment', { skip, timeout: 60_000 }, async (t) => {
  const place = await makePlace('installed')
  t.after(() => place.remove())
  t.diagnostic(`Postgres ${place.binaries.version}`)
  const server = await place.server()
  const receiver = await place.receiver(server)
  await withClient(server.url(), (client) => client.query('CREATE TABLE entry AS SELECT 1 AS id'))
  const backup = await createBackup({ url: server.url(), repository: place.repository, clock: systemClock, receiver })
  assert.equal(backup.postgres.major, place.binaries.major)
  await withClient(server.url(), (client) => client.query('INSERT INTO entry VALUES (2)'))
  const { at } = await receiver.heartbeat()
  await systemClock.sleep(5)
  await withClient(server.url(), (client) => client.query('INSERT INTO entry VALUES (3)'))
  await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 10_000)
  await server.kill()
  await receiver.stop()
  await restore({ repository: place.repository, to: place.path('restored'), at, clock: systemClock })
  const restored = place.adopt(
    await finishRestore({
      dataDirectory: place.path('restored'),
      binaries: place.binaries,
      clock: systemClock,
      afterRestore: ['INSERT INTO entry VALUES (10)'],
      database: 'postgres',
      owner: 'aval',
    }),
  )
  const { rows } = await withClient(restored.url(), (client) => client.query('SELECT id FROM entry ORDER BY id'))
  assert.deepEqual(rows, [{ id: 1 }, { id: 2 }, { id: 10 }])
})
