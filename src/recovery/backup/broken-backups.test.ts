import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Clock } from '../../clock.ts'
import { layout } from '../repository/layout.ts'
import { once, openRepository } from '../repository/repository.ts'
import { directoryStore } from '../stores/directory-store.ts'
import { clearBroken, writerMeta } from './broken-backups.ts'

const now = Date.UTC(2026, 1, 3, 12)
const clock: Clock = { now: () => now, sleep: async () => {} }

test('what broken-off backups left is cleared; what may be under way, removed or lost is left alone', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'aval-broken-'))
  t.after(() => rm(directory, { recursive: true }))
  const repository = await openRepository({
    store: directoryStore(directory),
    key: new Uint8Array(32).fill(1),
    system: 'shop',
  })
  const put = (key: string, meta: Record<string, string> = {}) => repository.put(key, once(Buffer.from(key)), { meta })
  const dead = { host: hostname(), pid: '4194305', started: '1' }
  const ids = {
    whole: '20260101T000000Z-00000001',
    dead: '20260203T115900Z-00000002',
    alive: '20260101T000000Z-00000003',
    elsewhere: '20260203T000000Z-00000004',
    elsewhereLongAgo: '20260201T000000Z-00000005',
    beingRemoved: '20260101T000000Z-00000006',
    lost: '20260101T000000Z-00000007',
  }
  await put(layout.archive(ids.whole), dead)
  await put(layout.backup(ids.whole))
  await put(layout.archive(ids.dead), dead)
  await put(layout.archive(ids.dead, 1), dead)
  await put(layout.manifest(ids.dead), dead)
  await put(layout.archive(ids.alive), writerMeta())
  await put(layout.archive(ids.elsewhere), { ...writerMeta(), host: 'another' })
  await put(layout.archive(ids.elsewhereLongAgo), { ...writerMeta(), host: 'another' })
  await put(layout.archive(ids.beingRemoved), dead)
  await put(layout.removed(ids.beingRemoved))
  await put(layout.archive(ids.lost), dead)
  await put(layout.listed(ids.lost))

  await clearBroken(repository, clock)
  const left = new Set<string>()
  for await (const { key } of repository.store.list(layout.backups)) left.add(key.split('/')[1] ?? '')
  assert.deepEqual([...left].sort(), [ids.whole, ids.alive, ids.beingRemoved, ids.lost, ids.elsewhere].sort())
})
