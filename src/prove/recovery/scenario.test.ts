import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { deriveGuarantees } from '../../plan/derive.ts'
import { loadSystem } from '../../project/load-system.ts'
import type { System } from '../../project/project.ts'
import { type TinyProject, tinyProject } from '../../run/tiny-system.fixture.ts'
import { keeperExercise } from '../keeper-exercise.fixture.ts'
import type { Fault, Finding } from '../prover.ts'
import { openSession } from '../session.ts'
import { recoveryProver } from './prover.ts'

const objective = { covers: 'database', rto: '1h', rpo: '1m' }
const hour = '1h'
const procedures = {
  'whole-restore': {
    fault: 'server-lost',
    steps: [
      { does: 'Find it.', action: 'find-backup', command: 'aval backup list tiny', within: hour },
      {
        does: 'Restore it.',
        action: 'restore',
        command: './aval restore tiny --at latest --to DIRECTORY',
        within: hour,
      },
      { does: 'Start.', action: 'start-services', within: hour },
      { does: 'Look.', action: 'verify-data' },
      'Tell the team.',
    ],
    within: hour,
    loss: '1m',
  },
  hasty: {
    fault: 'moment-passed',
    steps: [
      { does: 'Find the moment.', action: 'find-moment' },
      { does: 'Restore to it.', action: 'restore', within: '1ms' },
      { does: 'Start.', action: 'start-services' },
      { does: 'Settle.', action: 'settle-clients' },
    ],
    within: hour,
    loss: '1s',
  },
  migration: {
    fault: 'migration-broken',
    steps: [
      { does: 'See.', action: 'migrate-status', command: 'aval migrate status tiny' },
      { does: 'Mend.', action: 'mend-cause' },
      { does: 'Go on.', action: 'migrate-up', command: 'aval migrate up tiny' },
      { does: 'See again.', action: 'migrate-status', command: 'aval migrate status tiny' },
    ],
    within: hour,
    loss: '0',
  },
  rows: {
    fault: 'rows-deleted',
    steps: [
      { does: 'Restore beside.', action: 'restore-beside' },
      { does: 'Extract.', action: 'extract-rows' },
      { does: 'Import.', action: 'import-rows' },
    ],
    within: hour,
  },
  spoken: { steps: ['Call somebody.'], within: hour },
}

let tiny: TinyProject
let system: System
before(async () => {
  tiny = await tinyProject(
    {},
    {
      exercise: './exercise.mjs',
      recovery: {
        objectives: { database: objective },
        backups: { hourly: { schedule: '0 * * * *', keep: '30d' } },
        pointInTime: { window: '7d' },
        procedures,
      },
    },
  )
  await writeFile(join(tiny.directory, 'exercise.mjs'), keeperExercise)
  system = await loadSystem(tiny.project, 'tiny')
})
after(() => tiny.remove())

async function proveAll(ids: RegExp, { faults = [], of = system }: { faults?: Fault[]; of?: System } = {}) {
  const { session, close } = await openSession({
    system: of,
    state: tiny.project.state,
    clock: systemClock,
    seed: 7,
    effort: 'fast',
    signal: new AbortController().signal,
    faults,
    progress: () => undefined,
    log: () => undefined,
  })
  try {
    const found = new Map<string, Finding>()
    const wanted = deriveGuarantees(system.plan).filter(
      (guarantee) => ids.test(guarantee.id) && recoveryProver.accepts(guarantee, system),
    )
    for await (const finding of recoveryProver.prove(wanted, session)) found.set(finding.guarantee.id, finding)
    return found
  } finally {
    await close()
  }
}

describe('the procedures of a plan, carried out one after the other on one site', () => {
  let found: Map<string, Finding>
  before(async () => {
    found = await proveAll(/^recovery\//)
  })
  const measured = (id: string) => {
    const finding = found.get(id)
    assert.ok(finding?.outcome === 'measured', `${id}: ${finding?.reason}`)
    return finding
  }

  test('one that names no fault is tried by nobody', () => {
    assert.ok(found.has('recovery/procedure:whole-restore/time'))
    assert.equal(found.has('recovery/procedure:spoken/time'), false)
  })

  test('a step runs the command of the plan as it is written, and says so', () => {
    const { steps } = measured('recovery/procedure:whole-restore/time')
    const restored = steps.find(({ name }) => name === 'Restore it.')
    assert.equal(restored?.command, './aval restore tiny --at latest --to DIRECTORY')
    assert.match(restored?.detail ?? '', /^aval restore tiny --at latest --to \/.*files, .*each checked/)
    assert.equal(restored?.withinMs, 3_600_000)
    assert.match(restored?.startedAt ?? '', /^\d{4}-\d\d-\d\dT/)
  })

  test('a step without an action is left to a person, and the report says so', () => {
    const { steps, reason } = measured('recovery/procedure:whole-restore/time')
    const left = steps.find(({ name }) => name === 'Tell the team.')
    assert.equal(left?.outcome, 'skipped')
    assert.match(left?.detail ?? '', /Left to a person/)
    assert.match(reason, /1 step is left to a person/)
  })

  test('what clients were acknowledged is asked for, and an objective is answered by the same recovery', () => {
    const loss = measured('recovery/procedure:whole-restore/loss')
    assert.ok(loss.sample.size > 20 && loss.measured < 60_000 && loss.broken === undefined, loss.broken ?? loss.reason)
    assert.equal(measured('recovery/database/loss').measured, loss.measured)
    const outage = measured('recovery/database/time')
    assert.ok(outage.measured > 100 && outage.measured < 60_000, String(outage.measured))
  })

  test('a step that takes longer than it may breaks the promise of time, whatever the whole took', () => {
    const { broken } = measured('recovery/procedure:hasty/time')
    assert.match(broken ?? '', /"Restore to it." took .* of 1ms/)
  })

  test('every write stands on its side of the moment', () => {
    const precision = measured('recovery/point-in-time/precision')
    assert.equal(precision.measured, 0)
    assert.match(precision.sample.of, /[1-9]\d* before and [1-9]\d* after/)
  })

  test('a migration that stopped half way is taken up by its commands, while clients go on', () => {
    const time = measured('recovery/procedure:migration/time')
    assert.equal(time.broken, undefined)
    assert.match(time.steps.find(({ name }) => name === 'See.')?.detail ?? '', /1 interrupted/)
    assert.equal(measured('recovery/procedure:migration/loss').measured, 0)
  })

  test('one that this system gives no hold for is inconclusive, and breaks nothing for the others', () => {
    const finding = found.get('recovery/procedure:rows/time')
    assert.equal(finding?.outcome, 'inconclusive')
    assert.match(finding?.reason ?? '', /names no tenant column/)
    assert.equal(found.get('recovery/procedure:migration/time')?.outcome, 'measured')
  })
})

test('a health check that always says yes does not make a recovery', async () => {
  const found = await proveAll(/^recovery\/procedure:whole-restore\/time$/, {
    faults: ['services-left-behind'],
  })
  const finding = found.get('recovery/procedure:whole-restore/time')
  assert.equal(finding?.outcome, 'failed')
  assert.match(finding?.reason ?? '', /"Look\."/)
})

test('clients that cannot begin lose nothing: nothing is said of the recovery, but what to mend', async () => {
  await writeFile(
    join(tiny.directory, 'signed-out.mjs'),
    `export const exercise = () => ({ actors: () => Promise.reject(new Error('nobody may sign in')) })`,
  )
  const of: System = { ...system, plan: { ...system.plan, exercise: './signed-out.mjs' } }
  const found = await proveAll(/^recovery\/procedure:whole-restore\/time$/, { of })
  const finding = found.get('recovery/procedure:whole-restore/time')
  assert.equal(finding?.outcome, 'inconclusive')
  assert.match(finding?.reason ?? '', /No fault could be tried: nobody may sign in/)
})

/** Clients that put items and remember them. What they find gone after a restore they bring again. */
