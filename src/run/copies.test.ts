import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { parsePlan } from '../plan/plan.ts'
import { openDevelopmentRepository } from './archive.ts'
import { copyTargets, startCopies } from './copies.ts'

function planned(second: object) {
  const parsed = parsePlan({
    system: 'shop',
    recovery: {
      backups: {
        nightly: { schedule: '0 3 * * *', keep: '30d', copyTo: 'second' },
        log: { on: 'continuous', type: 'wal', keep: '8d', copyTo: 'second' },
        blobs: { of: 'blobs', on: 'continuous', type: 'replica', keep: 'forever', copyTo: 'elsewhere' },
      },
      stores: { primary: { kind: 'directory' }, second, elsewhere: { kind: 's3' } },
    },
  })
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems))
  return { name: 'shop', plan: parsed.plan }
}

test('the copies a plan wants of its database are brought up by themselves; one that cannot be opened is told', async () => {
  const state = await mkdtemp(join(tmpdir(), 'aval-copies-'))
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  try {
    await openDevelopmentRepository({ state }, 'shop')
    const system = planned({ kind: 's3' })
    assert.deepEqual(copyTargets(system), ['second'])
    const copies = startCopies({ project: { state }, system, clock: systemClock, log })
    const copied = join(state, 'shop', 'stores', 'second', 'repository')
    const deadline = Date.now() + 20_000
    while (copies.lag().get('second') === undefined && Date.now() < deadline) await systemClock.sleep(10)
    await copies.stop()
    assert.ok(existsSync(copied))
    assert.deepEqual(lines, [])

    process.env['COPIES_TEST_URL'] = 's3://NOT-A-BUCKET/'
    const refused = startCopies({
      project: { state },
      system: planned({ kind: 's3', location: 'COPIES_TEST_URL' }),
      clock: systemClock,
      log,
    })
    while (lines.length === 0 && Date.now() < deadline) await systemClock.sleep(10)
    await refused.stop()
    assert.match(lines.join('\n'), /^copy to second \| .*COPIES_TEST_URL cannot be used/s)
    assert.deepEqual([...refused.lag()], [['second', undefined]])
  } finally {
    delete process.env['COPIES_TEST_URL']
    await rm(state, { recursive: true, force: true })
  }
})
