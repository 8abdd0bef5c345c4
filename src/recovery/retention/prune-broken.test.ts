import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { suite, test } from 'node:test'
import { type Clock, systemClock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import { startChild } from '../../process.ts'
import { createBackup } from '../backup/base-backup.ts'
import { writerMeta } from '../backup/broken-backups.ts'
import { makePlace, type Place } from '../cluster.fixture.ts'
import { layout } from '../repository/layout.ts'
import { once, openRepository } from '../repository/repository.ts'
import { takeLease } from '../stores/lease.ts'
import { memoryStore } from './memory-store.fixture.ts'
import { pruneRepository } from './prune.ts'
import type { RetentionPolicy } from './rules.ts'

const hour = 3_600_000
const policy: RetentionPolicy = {
  rules: new Map(),
  walKeep: undefined,
  byHand: 90 * 24 * hour,
  objectives: [],
  pointInTime: undefined,
  timeZone: 'UTC',
}
const holder = { id: `machine@${hostname()}`, name: hostname() }
const later = (ms: number): Clock => ({ ...systemClock, now: () => Date.now() + ms })

suite('what a backup left that never finished', { timeout: 120_000 }, () => {
  test('by a process that was killed goes once it is a day old, and not before; the reason is told', async (t) => {
    const place = await makePlace()
    t.after(() => place.remove())
    const { repository } = place
    const server = await place.server()
    const fill = 'SELECT repeat(md5(g::text), 20) AS text FROM generate_series(1, 40000) g'
    await withClient(server.url(), (client) => client.query(`CREATE TABLE entry AS ${fill}`))
    await takeLease({ repository, holder, clock: systemClock })
    const whole = await createBackup({ url: server.url(), repository, clock: systemClock })
    const id = await killedBackup(place, server.url())

    const young = await pruneRepository({ repository, policy, clock: later(23 * hour) })
    assert.deepEqual(young.broken, [])
    const dry = await pruneRepository({ repository, policy, clock: later(26 * hour), dryRun: true })
    assert.deepEqual(
      dry.broken.map((each) => each.id),
      [id],
    )
    assert.match(
      dry.broken[0]?.says ?? '',
      /^removed: it was broken off .* began 2\d{3}-.*, 26 h ago, and left \S+ object/,
    )
    assert.ok((await backupsIn(place)).has(id), 'a dry run changes nothing')
    const done = await pruneRepository({ repository, policy, clock: later(26 * hour) })
    assert.ok(done.bytes > 0)
    assert.deepEqual([...(await backupsIn(place))], [whole.id])
  })

  test('stays while its writer lives, may live on the machine that holds the right to write, or brings a copy', async () => {
    const repository = await openRepository({
      store: memoryStore(new Map()),
      key: new Uint8Array(32).fill(1),
      system: 'shop',
    })
    const put = (id: string, meta: Record<string, string>) =>
      repository.put(layout.archive(id), once(Buffer.from(id)), { meta })
    const stamp = new Date(Date.now() - 80 * hour).toISOString().replace(/[-:]|\.\d+/g, '')
    await put(`${stamp}-00000001`, writerMeta())
    await put(`${stamp}-00000002`, { ...writerMeta(), host: 'other' })
    await put(`${stamp}-00000003`, { host: hostname(), pid: '4194305', started: '1' })
    const broken = async (clock: Clock) =>
      (await pruneRepository({ repository, policy, clock, dryRun: true })).broken.map(({ id }) => id.slice(-1))
    assert.deepEqual(await broken(systemClock), [], 'nobody ever held this store: another one is copied to it')
    await takeLease({ repository, holder: { id: 'machine@other', name: 'other' }, clock: systemClock })
    assert.deepEqual(await broken(systemClock), ['3'])
    assert.deepEqual(await broken(later(hour)), ['2', '3'], 'its right to write has run out')
  })
})

async function backupsIn({ repository }: Place): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const { key } of repository.store.list(layout.backups)) ids.add(key.split('/')[1] ?? '')
  return ids
}

/** @returns the id under which the killed process had stored the first object. */
async function killedBackup(place: Place, url: string): Promise<string> {
  const before = await backupsIn(place)
  for (let attempt = 0; attempt < 10; attempt++) {
    const child = await startChild({
      program: process.execPath,
      args: [new URL('../crash.fixture.ts', import.meta.url).pathname, 'backup', place.path('repository'), url],
    })
    child.process.stdout?.resume()
    let ended = false
    void child.ended.then(() => {
      ended = true
    })
    let id: string | undefined
    while (id === undefined && !ended) {
      id = [...(await backupsIn(place))].find((each) => !before.has(each))
      await systemClock.sleep(1)
    }
    child.signal('SIGKILL')
    await child.ended
    if (id === undefined) continue
    if ((await place.repository.store.stat(layout.backup(id))) === undefined) return id
    before.add(id)
  }
  throw new Error('no backup could be killed before it was whole')
}
