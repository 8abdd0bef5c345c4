import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import type { BackupInfo } from '../backup/backup-info.ts'
import { createBackup } from '../backup/base-backup.ts'
import { makePlace, type Place } from '../cluster.fixture.ts'
import { finishRestore } from './finish-restore.ts'
import type { LeftBranch } from './left-branch.ts'
import { restore } from './restore.ts'
import { findRestorePoint, type RestoreWay } from './restore-point.ts'

suite('a restore to the past leaves a branch behind', { timeout: 120_000 }, () => {
  let place: Place
  /** Of the branch that is left. */
  let lateBackup: BackupInfo
  const moments = { shared: 0, chosen: 0, left: 0, outage: 0, kept: 0, leftAgain: 0, outageAgain: 0, now: 0 }

  before(async () => {
    place = await makePlace()
    const server = await place.server()
    await withClient(server.url(), (client) => client.query('CREATE TABLE entry (name text)'))
    // Heartbeats are asked for one by one, so that the test knows the moments between which rows came.
    const receiver = await place.receiver(server, { heartbeatMs: 0 })
    const add = (name: string, to: OwnedServer) =>
      withClient(to.url(), (client) => client.query('INSERT INTO entry VALUES ($1)', [name]))
    /** A moment that has what was added before and nothing that is added after. */
    const moment = async (from: typeof receiver) => {
      const { at } = await from.heartbeat()
      await systemClock.sleep(5)
      return at
    }
    /** A moment at which nothing runs. A server tells the second alone in which it begins, and the next one must not begin in this. */
    const outage = async () => {
      const at = systemClock.now()
      while (Math.floor(systemClock.now() / 1000) === Math.floor(at / 1000)) await systemClock.sleep(10)
      return at
    }
    const takeBackup = () =>
      createBackup({ url: server.url(), repository: place.repository, clock: systemClock, receiver })
    await takeBackup()
    await add('first', server)
    moments.shared = await moment(receiver)
    await receiver.heartbeat()
    await withClient(server.url(), (client) => client.query('SELECT pg_switch_wal()'))
    await add('second', server)
    moments.chosen = await moment(receiver)
    await add('left', server)
    lateBackup = await takeBackup()
    await add('left later', server)
    moments.left = await moment(receiver)
    await add('left last', server)
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 10_000)
    await server.kill()
    await receiver.stop()
    moments.outage = await outage()

    const { server: second } = await restored('second', moments.chosen)
    const follower = await place.receiver(second, { heartbeatMs: 0 })
    await add('new', second)
    moments.kept = await moment(follower)
    await add('left again', second)
    moments.leftAgain = await moment(follower)
    await follower.waitUntilStored((await follower.heartbeat()).lsn, 10_000)
    await second.kill()
    await follower.stop()
    moments.outageAgain = await outage()

    const { server: third } = await restored('third', moments.kept)
    const last = await place.receiver(third, { heartbeatMs: 0 })
    await add('newest', third)
    moments.now = await moment(last)
    await last.waitUntilStored((await last.heartbeat()).lsn, 10_000)
    await third.kill()
    await last.stop()
  })
  after(() => place.remove())

  const restored = async (name: string, at: 'latest' | number, way: RestoreWay = {}) => {
    const told: LeftBranch[] = []
    const to = place.path(name)
    const { repository, binaries } = place
    await restore({ repository, to, at, clock: systemClock, onLeftBranch: (left) => told.push(left), ...way })
    const server = place.adopt(
      await finishRestore({
        dataDirectory: to,
        binaries,
        clock: systemClock,
        afterRestore: [],
        database: 'postgres',
        owner: 'aval',
      }),
    )
    return { server, told }
  }

  const holds = async (name: string, at: 'latest' | number, way: RestoreWay, expected: string[]) => {
    const { server, told } = await restored(name, at, way)
    const { names, timeline } = await withClient(server.url(), async (client) => {
      const { rows } = await client.query<{ name: string }>('SELECT name FROM entry')
      const { rows: control } = await client.query<{ timeline: number }>(
        "SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int AS timeline",
      )
      return { names: rows.map((row) => row.name), timeline: control[0]?.timeline }
    })
    await server.stop()
    assert.deepEqual(names, expected)
    assert.equal(timeline, 4, 'no timeline is given out twice')
    return told
  }

  test('a moment the line had left by then is restored as the line was, and the branch of that moment is told', async () => {
    const line = ['first', 'second']
    for (const [at, timeline, expected] of [
      [moments.left, 1, line],
      [moments.leftAgain, 2, [...line, 'new']],
    ] as const) {
      const [left, ...more] = await holds(`warned-${timeline}`, at, {}, [...expected])
      assert.equal(left?.timeline, timeline)
      assert.ok(left && left.until > at && left.from !== undefined && left.from <= at)
      assert.deepEqual(more, [])
    }
  })

  test('of a moment at which nothing ran, the branch is told that had run last', async () => {
    for (const [at, timeline] of [
      [moments.outage, 1],
      [moments.outageAgain, 2],
    ] as const) {
      const { leftBranch } = await findRestorePoint(place.repository, at)
      assert.equal(leftBranch?.timeline, timeline)
      assert.ok(leftBranch && leftBranch.until <= at && leftBranch.from !== undefined, JSON.stringify(leftBranch))
    }
  })

  test('a branch that was chosen and is not that of the moment is told of as well', async () => {
    const [left] = await holds('wrong-branch', moments.left, { timeline: 2 }, ['first', 'second'])
    assert.equal(left?.timeline, 1)
  })

  test('the branch left behind is restored by its timeline, and nothing has to be told', async () => {
    const names = ['first', 'second', 'left', 'left later']
    assert.deepEqual(await holds('by-timeline', moments.left, { timeline: 1 }, names), [])
    assert.deepEqual(await holds('to-its-end', 'latest', { timeline: 1 }, [...names, 'left last']), [])
  })

  test('a backup of the branch left behind leads along that branch', async () => {
    const names = ['first', 'second', 'left', 'left later']
    assert.deepEqual(await holds('by-backup', moments.left, { backup: lateBackup.id }, names), [])
    assert.deepEqual(await holds('as-made', lateBackup.stoppedAt, { backup: lateBackup.id }, names.slice(0, 3)), [])
  })

  test('moments before the branching and after the new beginning are of one line alone', async () => {
    // Those that were chosen lie in the segment in which the next timeline branches off.
    for (const at of [moments.shared, moments.chosen, moments.kept, moments.now, 'latest'] as const) {
      const point = await findRestorePoint(place.repository, at)
      assert.deepEqual([point.leftBranch, point.timeline], [undefined, 3], `${at}`)
    }
    await holds('now', moments.now, {}, ['first', 'second', 'new', 'newest'])
  })

  test('a timeline that nothing is stored of, and moments that are not of the one that is named, are refused', async () => {
    await assert.rejects(findRestorePoint(place.repository, 'latest', { timeline: 7 }), {
      code: 'RESTORE_TIMELINE_UNKNOWN',
      message: /timeline 7; it holds that of 1, 2, 3\./,
    })
    await assert.rejects(findRestorePoint(place.repository, moments.now, { timeline: 1 }), {
      code: 'RESTORE_OUTSIDE_WINDOW',
    })
  })
})
