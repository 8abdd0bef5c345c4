import assert from 'node:assert/strict'
import { readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { findBinaries } from '../../postgres/binaries.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { runToEnd } from '../../process.ts'
import { makePlace, type Place } from '../cluster.fixture.ts'
import type { RecoveryEngine } from '../engine.ts'
import { readErasures, recordErasure, settleErasure } from '../erasures/journal.ts'
import { openRepository } from '../repository/repository.ts'
import { pruneRepository } from '../retention/prune.ts'
import { directoryStore } from '../stores/directory-store.ts'
import { pgBackRestEngine } from './pgbackrest-engine.ts'

const pgbackrest = await runToEnd({ program: 'pgbackrest', args: ['version'] }).catch(() => undefined)
const installed = await findBinaries('installed').catch(() => undefined)
const skip = pgbackrest && installed ? false : 'pgbackrest or Postgres is not installed on this machine'

suite('the repository of pgBackRest', { timeout: 180_000, skip }, () => {
  let place: Place
  let engine: RecoveryEngine
  let server: OwnedServer
  const options = () => ({ repository: place.repository, folder: place.path('engine'), clock: systemClock })
  before(async () => {
    place = await makePlace('installed')
    engine = await pgBackRestEngine(options())
  })
  after(() => place.remove())

  test('is not begun for a server that does not hand over its WAL', async () => {
    const plain = await place.server('plain')
    await assert.rejects(engine.protect(plain), { code: 'ENGINE_NEEDS_SETTING' })
    await plain.stop('immediate')
  })

  test('keeps its passphrase in a file of the server account alone, and no other key opens it', async () => {
    server = await place.server('data', { ...engine.serverSettings })
    const full = await engine.backup({ server, label: 'a label, with = and "quotes"' })
    assert.deepEqual([full.kind, full.label], ['full', 'a label, with = and "quotes"'])
    const config = place.path('engine', 'pgbackrest', 'server.conf')
    assert.equal((await stat(config)).mode & 0o777, 0o600)
    const written = await readFile(config, 'utf8')
    const passphrase = /cipher-pass=([0-9a-f]{64})/.exec(written)?.[1]
    assert.ok(passphrase)
    assert.ok(!String(engine.serverSettings['archive_command']).includes(passphrase))
    // Its own defaults are directories that only the account of the Debian package may enter.
    const places = [...written.matchAll(/^(\w+)-path=(.*)$/gm)].map(([, name, path]) => ({ name, path }))
    assert.deepEqual(places.map(({ name }) => name).sort(), ['lock', 'pg1', 'repo1', 'spool'])
    assert.deepEqual(
      places.filter(({ path }) => path?.startsWith(place.path()) !== true),
      [],
    )

    // Aval's own objects are lost, and somebody begins them anew with another key beside the old backups.
    const key = new Uint8Array(32).fill(3)
    await rename(place.path('repository'), place.path('away'))
    const repository = await openRepository({ store: directoryStore(place.path('repository')), key, system: 'shop' })
    const other = await pgBackRestEngine({ ...options(), repository, folder: place.path('other') })
    await assert.rejects(other.list(), { code: 'OBJECT_DAMAGED', message: /another key/ })
    await assert.rejects(other.restore({ to: place.path('none'), at: 'latest' }), { code: 'OBJECT_DAMAGED' })
    const report = await other.verify()
    assert.deepEqual([report.sound, report.problems.map(({ kind }) => kind)], [false, ['damaged']])
    await rename(place.path('repository'), place.path('begun-anew'))
    await rename(place.path('away'), place.path('repository'))
  })

  test('holds what changed since a full backup, and names a segment of WAL that is gone before anything is written', async () => {
    const changed = await engine.backup({ server, kind: 'differential' })
    assert.equal(changed.kind, 'differential')
    const [full] = await engine.list()
    assert.ok(full && changed.storedBytes < full.storedBytes / 2)
    assert.ok(changed.engine === 'pgbackrest')
    assert.deepEqual(changed.detail.references, [full.id])

    const folder = place.path('repository.pgbackrest', 'archive', 'shop', '15-1', changed.detail.walStop.slice(0, 16))
    const name = (await readdir(folder)).find((each) => each.startsWith(`${changed.detail.walStop}-`)) ?? ''
    await rename(join(folder, name), place.path('gone'))
    const to = place.path('hole')
    await assert.rejects(engine.restore({ to, at: 'latest' }), {
      code: 'RESTORE_WAL_MISSING',
      message: new RegExp(changed.detail.walStop),
    })
    await assert.rejects(readdir(to), { code: 'ENOENT' })
    const report = await engine.verify()
    assert.equal(report.sound, false)
    assert.ok(report.problems.some(({ kind, key }) => kind === 'missing' && key.endsWith(changed.detail.walStop)))
    await rename(place.path('gone'), join(folder, name))
  })

  test('keeps the record of an erasure for as long as a backup here may hold what was erased', async () => {
    const { repository } = place
    const { startedAt } = (await engine.list())[0] ?? assert.fail('there is a backup')
    const later = { ...systemClock, now: () => startedAt + 1 }
    const id = await recordErasure(repository, { name: 'user', subject: '1', sql: ['SELECT 1'], at: later.now() })
    await settleErasure(repository, later, id, 'done')
    const policy = { rules: new Map(), walKeep: undefined, byHand: 1, objectives: [], timeZone: 'UTC' } as const
    const prune = (elsewhere: () => Promise<readonly { startedAt: number }[]>) =>
      pruneRepository({ repository, policy: { ...policy, pointInTime: undefined }, clock: systemClock, elsewhere })
    await prune(engine.list)
    assert.equal((await readErasures(repository)).length, 1)
    const { refused } = await prune(() => Promise.reject(new Error('pgBackRest cannot be asked')))
    assert.match(refused[0]?.says ?? '', /cannot be asked/)
    assert.equal((await readErasures(repository)).length, 1, 'a backup nobody could ask about may be as old as any')
    await prune(async () => [{ startedAt: startedAt + 48 * 3_600_000 }])
    assert.deepEqual(await readErasures(repository), [])
  })
})
