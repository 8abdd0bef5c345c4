import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { withClient } from '../postgres/connection.ts'
import { type Child, startChild } from '../process.ts'
import { seededRandom } from '../random.ts'
import { createBackup } from './backup/base-backup.ts'
import { makePlace, type Place } from './cluster.fixture.ts'
import { listBackups } from './repository/list-backups.ts'
import { verifyRepository } from './repository/verify.ts'
import { finishRestore } from './restore/finish-restore.ts'
import { restore } from './restore/restore.ts'

const rounds = 3

suite('Aval killed in the middle', { timeout: 180_000 }, () => {
  test('of a backup or a restore: the next one works as if nothing had been', async (t) => {
    const seed = Date.now() % 1_000_000
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    const place = await makePlace()
    t.after(() => place.remove())
    const server = await place.server()
    const pids: number[] = []
    await withClient(server.url(), (client) =>
      client.query(
        'CREATE TABLE entry AS SELECT g AS id, repeat(md5(g::text), 20) AS text FROM generate_series(1, 20000) g',
      ),
    )
    for (let round = 0; round < rounds; round++)
      pids.push(await killed(place, ['backup', server.url()], random.int(400)))
    const finished = await listBackups(place.repository)
    const backup = await createBackup({ url: server.url(), repository: place.repository, clock: systemClock })
    assert.deepEqual((await listBackups(place.repository)).at(-1), backup)
    const spools = (await readdir(tmpdir())).filter((name) => name.startsWith('aval-backup-wal-'))
    for (const name of spools) {
      const owner = JSON.parse(await readFile(join(tmpdir(), name, 'owner.json'), 'utf8').catch(() => '{}'))
      assert.ok(!pids.includes(owner.pid), 'no WAL in the clear is left of the backups that were killed')
    }
    const report = await verifyRepository(place.repository)
    assert.equal(report.sound, true, JSON.stringify(report.problems))
    assert.deepEqual(
      report.problems.filter(({ kind }) => kind === 'unfinished'),
      [],
      'what they had stored whole was cleared',
    )
    assert.equal(report.backups.length, finished.length + 1)

    const to = place.path('restored')
    for (let round = 0; round < rounds; round++) {
      await killed(place, ['restore', to], random.int(600))
      const names = await readdir(place.path('restored', 'global')).catch((): string[] => [])
      // Either nothing a server could start on, or everything.
      if (names.includes('pg_control')) break
    }
    const whole = (await readdir(place.path('restored', 'global')).catch((): string[] => [])).includes('pg_control')
    if (!whole) await restore({ repository: place.repository, to, at: 'latest', clock: systemClock })
    const restored = place.adopt(
      await finishRestore({
        dataDirectory: to,
        binaries: place.binaries,
        clock: systemClock,
        afterRestore: [],
        database: 'postgres',
        owner: 'aval',
      }),
    )
    const { rows } = await withClient(restored.url(), (client) =>
      client.query('SELECT count(*)::int AS count FROM entry'),
    )
    assert.deepEqual(rows, [{ count: 20_000 }])
    assert.deepEqual(
      (await readdir(place.path())).filter((name) => /^restored\.(wal|restoring)/.test(name)),
      [],
    )
  })
})

/** Starts it, lets it get to work, and kills it after so many milliseconds unless it is done. */
async function killed(place: Place, [what = '', target = '']: string[], afterMs: number): Promise<number> {
  const child: Child = await startChild({
    program: process.execPath,
    args: [new URL('crash.fixture.ts', import.meta.url).pathname, what, place.path('repository'), target],
  })
  await new Promise<void>((resolve) => {
    child.process.stdout?.once('data', () => resolve())
    void child.ended.then(() => resolve())
  })
  await systemClock.sleep(afterMs)
  child.signal('SIGKILL')
  await child.ended
  return child.pid
}
