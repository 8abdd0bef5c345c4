import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { deriveGuarantees } from '../../plan/derive.ts'
import { loadSystem } from '../../project/load-system.ts'
import type { System } from '../../project/project.ts'
import { type TinyProject, tinyProject } from '../../run/tiny-system.fixture.ts'
import { efforts, type Fault } from '../prover.ts'
import { proverOf } from '../provers.ts'
import { retentionProver } from './prover.ts'
import { type Simulated, simulateRetention } from './simulate.ts'

const recovery = {
  timeZone: 'Europe/Madrid',
  objectives: { database: { rto: '4h', rpo: '24h' } },
  backups: {
    daily: { schedule: '0 2 * * *', keep: '5d' },
    log: { on: 'continuous', type: 'wal', keep: '3d' },
    beforeMigration: { on: 'migration', keep: '9d', label: true },
    blobs: { of: 'blobs', on: 'continuous', type: 'replica', keep: 'forever' },
  },
  pointInTime: { window: '2d' },
}

suite('the proof of retention', { timeout: 120_000, concurrency: true }, () => {
  let tiny: TinyProject
  let system: System
  before(async () => {
    tiny = await tinyProject({}, { recovery })
    system = await loadSystem(tiny.project, 'tiny')
  })
  after(() => tiny.remove())

  /** Twenty-five days instead of 400, the schedule standing still for eight of them. */
  const live = async (...faults: Fault[]): Promise<Simulated> => {
    const directory = await mkdtemp(join(tmpdir(), 'aval-retention-'))
    try {
      const result = await simulateRetention(
        {
          system,
          seed: 5,
          faults: new Set(faults),
          effort: efforts.full,
          scratch: {
            directory,
            hear: () => () => undefined,
            telemetry: {
              spans: () => undefined,
              lines: () => undefined,
              reports: () => undefined,
              refuseAll: () => undefined,
            },
            environment: () => assert.fail('needs no server'),
            dispose: async () => undefined,
          },
          signal: new AbortController().signal,
        },
        { days: 25, pause: { from: 12, to: 20 } },
      )
      assert.deepEqual(await readdir(directory), ['retention'], 'it worked on real files')
      return result
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }

  test('is asked of every backup of the database, and of no other', () => {
    const accepted = deriveGuarantees(system.plan).filter((each) => proverOf(each, system) === retentionProver)
    assert.deepEqual(
      accepted.map(({ id }) => id),
      ['retention/daily/kept', 'retention/log/kept', 'retention/beforeMigration/kept'],
    )
  })

  test('finds nothing wrong with the policy as it is', async () => {
    const { rules, moments } = await live()
    for (const [rule, { taken, violations }] of rules) {
      assert.deepEqual(violations, [], rule)
      assert.ok(taken > 3, rule)
    }
    assert.ok(moments > 3)
  })

  const breaks: [Fault, RegExp][] = [
    ['retention-day-early', /the daily of \S+ was removed \d+ h early/],
    ['retention-only-backup', /the daily of \S+ was removed although an objective needed it/],
    ['retention-hold-forgotten', /the daily of \S+ was removed although it was held/],
  ]
  for (const [fault, says] of breaks) {
    test(`sees ${fault}`, async () => {
      const { rules } = await live(fault)
      assert.match(rules.get('daily')?.violations.join('\n') ?? '', says)
    })
  }
})
