import assert from 'node:assert/strict'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import { seededRandom } from '../../random.ts'
import type { BackupInfo } from '../backup/backup-info.ts'
import { createBackup } from '../backup/base-backup.ts'
import { makePlace, type Place, repositoryKey } from '../cluster.fixture.ts'
import { parseLsn, segmentAt } from '../wal/lsn.ts'
import { layout } from './layout.ts'
import { once, openRepository } from './repository.ts'
import { type VerifyReport, verifyRepository } from './verify.ts'

suite('verification of a repository', { timeout: 180_000 }, () => {
  let place: Place
  let backup: BackupInfo
  const keys: string[] = []
  const file = (key: string) => place.path('repository', key)

  before(async () => {
    place = await makePlace()
    const server = await place.server()
    const receiver = await place.receiver(server)
    backup = await createBackup({ url: server.url(), repository: place.repository, clock: systemClock, receiver })
    await withClient(server.url(), async (client) => {
      await client.query(
        'CREATE TABLE entry AS SELECT g AS id, repeat(md5(g::text), 20) AS text FROM generate_series(1, 30000) g',
      )
    })
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 10_000)
    await receiver.stop()
    await server.kill()
    for await (const { key } of place.repository.store.list('')) keys.push(key)
  })
  after(() => place.remove())

  /** As a person would: opening is part of it. */
  const verify = async (): Promise<VerifyReport | Error> => {
    try {
      const { store } = place.repository
      return await verifyRepository(await openRepository({ store, key: repositoryKey, system: 'shop', create: false }))
    } catch (error) {
      if (error instanceof Error) return error
      throw error
    }
  }
  /** That the trouble is found, and at the object where it is. */
  const found = (report: VerifyReport | Error, key: string) => {
    if (report instanceof Error) return assert.equal(key, 'repository')
    assert.equal(report.sound, false, key)
    assert.ok(
      report.problems.some((problem) => problem.key === key),
      `${key}: ${JSON.stringify(report.problems)}`,
    )
  }

  test('a sound one is found sound, every object of it read', async () => {
    const report = await verify()
    assert.ok(!(report instanceof Error))
    assert.deepEqual(report.problems, [])
    assert.deepEqual(report.backups, [{ id: backup.id, sound: true }])
    assert.equal(report.objects, keys.length)
    const kinds = new Set(keys.map((key) => key.split('/')[0]))
    assert.deepEqual([...kinds].sort(), ['backups', 'catalog', 'head', 'partial', 'repository', 'server', 'wal'])
  })

  test('one flipped bit in any object is found and named', async (t) => {
    const seed = Date.now() % 1_000_000
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    for (const key of keys) {
      const whole = await readFile(file(key))
      const changed = Buffer.from(whole)
      const at = random.int(whole.length)
      changed[at] = (changed[at] ?? 0) ^ (1 << random.int(8))
      await writeFile(file(key), changed)
      found(await verify(), key)
      await writeFile(file(key), whole)
    }
  })

  test('any object that is missing is found, by its name', async () => {
    // WAL from before the only backup serves nothing, and nobody misses it.
    const first = layout.segment(segmentAt(1, parseLsn(backup.startLsn), 2 ** 24), 2 ** 24)
    for (const key of keys.filter((each) => !each.startsWith('wal/') || each >= first)) {
      await rename(file(key), place.path('aside'))
      const report = await verify()
      if (report instanceof Error) assert.equal(key, 'repository')
      else {
        assert.equal(report.sound, false, key)
        // A missing piece is told by its segment.
        const name = key.replace(/^partial\/(.*)\/[^/]+$/, 'wal/$1')
        assert.ok(
          report.problems.some((problem) => problem.key === name && problem.kind === 'missing'),
          `${key}: ${JSON.stringify(report.problems)}`,
        )
      }
      await rename(place.path('aside'), file(key))
    }
  })

  test('two objects that changed places are found, as is one that was cut', async () => {
    const segments = keys.filter((key) => key.startsWith('wal/'))
    const [one = '', two = ''] = segments
    assert.ok(two !== '', 'there are two segments')
    const swap = async () => {
      await rename(file(one), place.path('aside'))
      await rename(file(two), file(one))
      await rename(place.path('aside'), file(two))
    }
    await swap()
    const swapped = await verify()
    found(swapped, one)
    found(swapped, two)
    await swap()
    const whole = await readFile(file(two))
    await writeFile(file(two), whole.subarray(0, whole.length - 1))
    found(await verify(), two)
    await writeFile(file(two), whole)
  })

  test('an object nobody knows is found; what a broken-off backup left is told, and is no fault', async () => {
    await writeFile(file('wal/stranger'), 'x')
    found(await verify(), 'wal/stranger')
    await rm(file('wal/stranger'))
    const id = '20200101T000000Z-00000000'
    async function* text() {
      yield Buffer.from('half an archive')
    }
    await place.repository.put(`backups/${id}/base.tar`, text())
    const report = await verify()
    assert.ok(!(report instanceof Error) && report.sound)
    assert.deepEqual(
      report.problems.map(({ key, kind }) => ({ key, kind })),
      [{ key: `backups/${id}/base.tar`, kind: 'unfinished' }],
    )
    await place.repository.store.delete(`backups/${id}/base.tar`)
  })

  test('damage to what marks, leases and later timelines are kept in is found and named', async () => {
    const marks = [
      layout.history(2),
      layout.lease(1),
      layout.hold(backup.id, 'stamp'),
      layout.checked(backup.id),
      layout.reading('stamp'),
      layout.erasure('who', 'asked'),
    ]
    for (const key of marks) {
      await place.repository.put(key, once(Buffer.from('1\t0/3000000\tno recovery target specified\n')))
      const sound = await verify()
      assert.ok(!(sound instanceof Error))
      assert.deepEqual(sound.problems, [], key)
      const whole = await readFile(file(key))
      await writeFile(file(key), whole.subarray(0, -1))
      found(await verify(), key)
      await rm(file(key))
    }
  })
})
