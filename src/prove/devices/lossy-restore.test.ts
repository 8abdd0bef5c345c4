import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { loadSystem } from '../../project/load-system.ts'
import { walGaps } from '../../recovery/wal/wal-gaps.ts'
import { type TinyProject, tinyProject } from '../../run/tiny-system.fixture.ts'
import { keeperExercise } from '../keeper-exercise.fixture.ts'
import { siteOf } from '../recovery/site.ts'
import { openSession } from '../session.ts'
import { protectedSystem } from './lossy-restore.ts'

let tiny: TinyProject
before(async () => {
  const recovery = {
    objectives: { database: { rto: '1h', rpo: '1m' } },
    backups: { hourly: { schedule: '0 * * * *', keep: '30d' } },
  }
  tiny = await tinyProject({}, { exercise: './exercise.mjs', recovery })
  await writeFile(join(tiny.directory, 'exercise.mjs'), keeperExercise)
})
after(() => tiny.remove())

test('a system whose WAL another proof keeps already is lost and brought back as it was, and its WAL is kept on', async () => {
  const system = await loadSystem(tiny.project, 'tiny')
  const { session, close } = await openSession({
    system,
    state: tiny.project.state,
    clock: systemClock,
    seed: 7,
    effort: 'fast',
    signal: new AbortController().signal,
    progress: () => undefined,
    log: () => undefined,
  })
  try {
    const site = await siteOf(session)
    const lossy = await protectedSystem(session)
    const keeper = async (path: string, method = 'GET'): Promise<unknown> =>
      (await fetch(lossy.environment.address('keeper') + path, { method })).json()
    await lossy.backup()
    await keeper('/items/kept', 'PUT')
    const moment = await lossy.moment()
    await keeper('/items/lost', 'PUT')

    await lossy.lose(moment)
    assert.match(site.ruin ?? '', /devices/, 'while it is lost no scenario can happen to it')
    await lossy.bringBack(moment)

    const items = await keeper('/items')
    assert.ok(Array.isArray(items) && items.includes('kept') && !items.includes('lost'), JSON.stringify(items))
    assert.equal(site.ruin, undefined)
    const receiver = await site.archive()
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 20_000)
    assert.deepEqual(await walGaps(site.repository), [])
  } finally {
    await close()
  }
})
