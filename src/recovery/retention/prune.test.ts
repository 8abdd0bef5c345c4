import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../clock.ts'
import { AvalError, failure } from '../../errors.ts'
import type { DumpInfo } from '../logical/dump-info.ts'
import { dumpLayout } from '../logical/dump-layout.ts'
import { listDumps } from '../logical/list-dumps.ts'
import { layout } from '../repository/layout.ts'
import { listBackups } from '../repository/list-backups.ts'
import { once, openRepository, type Repository } from '../repository/repository.ts'
import { verifyRepository } from '../repository/verify.ts'
import { findRestorePoint, restoreWindow } from '../restore/restore-point.ts'
import { parseLsn } from '../wal/lsn.ts'
import { holdBackup, readHolds, releaseBackup } from './hold.ts'
import { Killed, type MemoryStore, memoryStore } from './memory-store.fixture.ts'
import { pruneRepository } from './prune.ts'
import { markReading } from './reading-mark.ts'
import type { RetentionPolicy } from './rules.ts'
import { tinyRepository } from './tiny-repository.ts'
import { readFloor } from './wal-floor.ts'

const hour = 3_600_000
const day = 24 * hour
const start = Date.UTC(2026, 0, 5)

const policy: RetentionPolicy = {
  rules: new Map([['daily', { name: 'daily', keep: 5 * day, scheduled: true }]]),
  walKeep: 3 * day,
  byHand: 90 * day,
  objectives: ['database'],
  pointInTime: { window: 2 * day },
  timeZone: 'UTC',
}

/** Stands still: who waits on it waits until he is told to stop. */
const clockAt = (now: number): Clock => ({
  now: () => now,
  sleep: (_, signal) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
})
const end = start + 8 * day
const clock = clockAt(end)

/** Eight days of daily backups and WAL, three of which should be gone; the objects as a store holds them. */
async function eightDays(): Promise<Map<string, Uint8Array>> {
  const store = memoryStore(new Map())
  const tiny = await tinyRepository({ store, system: 'shop', from: start, segmentEvery: 12 * hour })
  for (let today = 0; today < 8; today++) {
    await tiny.streamUntil(start + today * day + 3 * hour)
    await tiny.take(start + today * day + 2 * hour, { rule: 'daily', id: idOf(today) })
  }
  await tiny.streamUntil(end)
  return store.objects
}

const idOf = (today: number) => `202601${String(5 + today).padStart(2, '0')}T020000Z-00000000`
const pristine = await eightDays()

const open = (store: MemoryStore): Promise<Repository> =>
  openRepository({ store, key: new Uint8Array(32).fill(1), system: 'shop', create: false })
const copy = () => new Map(pristine)
const idsIn = async (repository: Repository) => (await listBackups(repository)).map(({ id }) => id)
const segmentsIn = (objects: Map<string, Uint8Array>) => [...objects.keys()].filter((key) => key.startsWith('wal/'))

test('what has served its time goes, and everything that can be restored still can', async () => {
  const store = memoryStore(copy())
  const repository = await open(store)
  const before = segmentsIn(store.objects).length
  const report = await pruneRepository({ repository, policy, clock })
  assert.deepEqual(report.removed.toSorted(), [0, 1, 2].map(idOf))
  assert.deepEqual(report.refused, [])
  assert.deepEqual(await idsIn(repository), [3, 4, 5, 6, 7].map(idOf))
  assert.equal(segmentsIn(store.objects).length, before - report.segments)
  assert.equal(
    store.objects.size,
    pristine.size - report.objects + report.removed.length + 1,
    'tombstones are gone again, the floor is new',
  )

  const verified = await verifyRepository(repository)
  assert.deepEqual(verified.problems, [])
  const window = await restoreWindow(repository)
  assert.ok(window && window.from <= end - 2 * day && window.to >= end - 12 * hour, JSON.stringify(window))
  for (let at = end - 2 * day; at < end - 12 * hour; at += 5 * hour) await findRestorePoint(repository, at)
  await findRestorePoint(repository, 'latest')

  assert.deepEqual(await pruneRepository({ repository, policy, clock }).then(({ objects }) => objects), 0)
})

test('a backup from before the window is restored as it was made, and to no other moment', async () => {
  const repository = await open(memoryStore(copy()))
  await pruneRepository({ repository, policy, clock })
  const [oldest] = await listBackups(repository)
  assert.ok(oldest)
  const point = await findRestorePoint(repository, oldest.stoppedAt, { backup: oldest.id })
  assert.equal(point.asMade, true)
  assert.ok(point.end >= parseLsn(oldest.stopLsn))
  for (const at of ['latest', oldest.stoppedAt + hour] as const) {
    await assert.rejects(findRestorePoint(repository, at, { backup: oldest.id }), { code: 'RESTORE_WAL_REMOVED' })
  }
})

test('a dry run explains every decision and changes nothing', async () => {
  const store = memoryStore(copy())
  const report = await pruneRepository({ repository: await open(store), policy, clock, dryRun: true })
  assert.equal(store.operations(), 0)
  assert.equal(report.decisions.filter(({ decision }) => decision.of === 'backup').length, 8)
  for (const { decision, says } of report.decisions) {
    assert.match(says, decision.outcome === 'keep' ? /^kept: \S/ : /^removed: \S/)
  }
})

test('killed after any change to the store it leaves a sound repository, and the next prune finishes', async (t) => {
  const whole = memoryStore(copy())
  await pruneRepository({ repository: await open(whole), policy, clock })
  const finished = [...whole.objects.keys()].sort()
  const operations = whole.operations()
  assert.ok(operations > 20)
  t.diagnostic(`${operations} operations`)
  for (let dieAt = 0; dieAt < operations; dieAt++) {
    const objects = copy()
    const dying = await open(memoryStore(objects, { dieAt }))
    await assert.rejects(pruneRepository({ repository: dying, policy, clock }), Killed)

    const repository = await open(memoryStore(objects))
    const verified = await verifyRepository(repository)
    const where = `after operation ${dieAt}`
    assert.ok(verified.sound, `${where}: ${JSON.stringify(verified.problems)}`)
    const others = verified.problems.filter(({ kind }) => kind !== 'unfinished')
    assert.deepEqual(others, [], where)
    for (const { id, stoppedAt } of await listBackups(repository))
      await findRestorePoint(repository, stoppedAt, { backup: id })
    await findRestorePoint(repository, end - 2 * day)
    await findRestorePoint(repository, 'latest')

    await pruneRepository({ repository, policy, clock })
    assert.deepEqual([...objects.keys()].sort(), finished, where)
  }
})

test('what the store will not let go is told, tried again, and never taken for a backup', async () => {
  const locked = layout.archive(idOf(1))
  const objects = copy()
  const refuse = (key: string) =>
    key === locked ? failure('STORE_DENIED', { place: 'memory', action: 'delete', key, reason: 'locked' }) : undefined
  const repository = await open(memoryStore(objects, { refuse }))
  const report = await pruneRepository({ repository, policy, clock })
  assert.deepEqual(
    report.refused.map(({ key }) => key),
    [locked],
  )
  assert.deepEqual(report.removed.toSorted(), [0, 2].map(idOf))
  const verified = await verifyRepository(repository)
  assert.ok(verified.sound)
  assert.deepEqual(
    verified.problems.map(({ key, kind }) => ({ key, kind })),
    [{ key: layout.removed(idOf(1)), kind: 'unfinished' }],
  )
  const later = await pruneRepository({ repository: await open(memoryStore(objects)), policy, clock })
  assert.deepEqual([later.finished, later.removed], [[idOf(1)], [idOf(1)]])
  assert.equal(
    [...objects.keys()].some((key) => key.includes(idOf(1))),
    false,
  )
})

test('a hold keeps a backup with its WAL until it is let go', async () => {
  const repository = await open(memoryStore(copy()))
  await holdBackup(repository, clock, { backup: idOf(0), reason: 'case 12/2026' })
  await pruneRepository({ repository, policy, clock })
  assert.ok((await idsIn(repository)).includes(idOf(0)))
  const [held] = await listBackups(repository)
  assert.ok(held)
  await findRestorePoint(repository, held.stoppedAt, { backup: held.id })
  assert.deepEqual((await verifyRepository(repository)).problems, [])

  await releaseBackup(repository, clock, idOf(0), 'closed')
  assert.deepEqual(await readHolds(repository), [])
  await assert.rejects(releaseBackup(repository, clock, idOf(0)), { code: 'HOLD_NONE' })
  await pruneRepository({ repository, policy, clock })
  assert.deepEqual((await idsIn(repository)).includes(idOf(0)), false)
  await assert.rejects(holdBackup(repository, clock, { backup: idOf(0), reason: 'late' }), { code: 'BACKUP_UNKNOWN' })
})

test('a hold or a restore that comes while a removal begins is seen before anything is gone', async () => {
  const objects = copy()
  const store = memoryStore(objects)
  const repository = await open(store)
  const put = store.put
  let marks = 0
  const meddling: MemoryStore = {
    ...store,
    put: async (key, content, options) => {
      const result = await put(key, content, options)
      // Right behind the tombstone of the backup that somebody wants.
      if (key === layout.removed(idOf(2))) {
        marks += 1
        await assert.rejects(holdBackup(repository, clock, { backup: idOf(2), reason: 'late' }), AvalError)
        const reads = { backup: idOf(1), from: 0n, to: 1n }
        await markReading(repository, clockAt(end), reads)
      }
      return result
    },
  }
  await pruneRepository({ repository: await open(meddling), policy, clock })
  assert.equal(marks, 1)
  assert.ok((await idsIn(repository)).includes(idOf(1)), 'its restore goes on')
  assert.ok((await verifyRepository(repository)).sound)
})

test('a backup that was taken meanwhile keeps what it is the difference to', async () => {
  const store = memoryStore(copy())
  const repository = await open(store)
  const [, parent, ...later] = await listBackups(repository)
  const newest = later.at(-1)
  assert.ok(parent && newest)
  const info = { ...newest, id: '20260113T000000Z-00000001', stoppedAt: end - 1, parent: parent.id }
  const meddling: MemoryStore = {
    ...store,
    put: async (key, content, options) => {
      const result = await store.put(key, content, options)
      if (key === layout.removed(parent.id)) {
        const text = Buffer.from(JSON.stringify(info))
        await repository.put(layout.backup(info.id), once(text), { digest: repository.digest(text) })
      }
      return result
    },
  }
  await pruneRepository({ repository: await open(meddling), policy, clock })
  const left = await idsIn(repository)
  assert.ok(left.includes(parent.id) && left.includes(info.id) && !left.includes(idOf(0)))
  await findRestorePoint(repository, parent.stoppedAt, { backup: parent.id })
})

test('the floor of the WAL never goes back, whatever the clock does', async () => {
  const repository = await open(memoryStore(copy()))
  await pruneRepository({ repository, policy, clock })
  const floor = await readFloor(repository)
  await pruneRepository({ repository, policy, clock: clockAt(start) })
  assert.deepEqual(await readFloor(repository), floor)
  assert.ok((floor.get(1) ?? 0n) > 0n)
})

test('dumps go by the same rules, whole, and the newest stays', async () => {
  const store = memoryStore(new Map())
  const repository = await openRepository({ store, key: new Uint8Array(32).fill(1), system: 'shop' })
  for (const today of [0, 1, 2]) await keepDump(repository, today)
  const objects = new Map(store.objects)
  const later = clockAt(start + 20 * day)
  const whole = await pruneRepository({ repository, policy, clock: later })
  assert.deepEqual(whole.removed.toSorted(), [0, 1].map(idOf))
  assert.deepEqual(
    (await listDumps(repository)).map(({ id }) => id),
    [idOf(2)],
  )
  const finished = [...store.objects.keys()].sort()
  assert.equal(
    finished.some((key) => key.includes(idOf(0)) || key.includes(idOf(1))),
    false,
  )
  for (let dieAt = 0; dieAt < store.operations() - objects.size; dieAt++) {
    const left = new Map(objects)
    const dying = await open(memoryStore(left, { dieAt }))
    await assert.rejects(pruneRepository({ repository: dying, policy, clock: later }), Killed)
    const resumed = await open(memoryStore(left))
    const begun = [0, 1].map(idOf).filter((id) => left.has(layout.removed(id)))
    const { problems } = await verifyRepository(resumed)
    const wrong = problems.filter(({ key, kind }) => kind !== 'unfinished' && begun.some((id) => key.includes(id)))
    assert.deepEqual(wrong, [], `after operation ${dieAt}`)
    await pruneRepository({ repository: resumed, policy, clock: later })
    assert.deepEqual([...left.keys()].sort(), finished)
  }
})

/** The objects of a dump; what is in its packs is for others to read. */
async function keepDump(repository: Repository, today: number): Promise<void> {
  const id = idOf(today)
  const at = start + today * day
  const info: DumpInfo = {
    format: 1,
    id,
    label: '',
    rule: 'daily',
    system: 'shop',
    startedAt: at,
    holdsAllUntil: at,
    holdsNoneAfter: at + hour,
    stoppedAt: at + hour,
    postgres: { version: '18.0', major: 18 },
    tools: { version: '18.0', major: 18 },
    databases: [],
    files: 0,
    dumpBytes: 0,
    storedBytes: 0,
    manifest: { key: dumpLayout.manifest(id), digest: '' },
  }
  const keep = (key: string, text: string) => repository.put(key, once(Buffer.from(text)))
  await keep(dumpLayout.pack(id, 1), 'rows')
  await keep(dumpLayout.manifest(id), '{}')
  await keep(dumpLayout.dump(id), JSON.stringify(info))
  await keep(dumpLayout.listed(id), repository.digest(Buffer.from(JSON.stringify(info))))
}
