import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { deriveGuarantees } from '../../plan/derive.ts'
import { loadSystem } from '../../project/load-system.ts'
import type { System } from '../../project/project.ts'
import { type TinyProject, tinyProject } from '../../run/tiny-system.fixture.ts'
import { conclude } from '../conclude.ts'
import { escrowProver } from '../escrow/prover.ts'
import { keeperExercise } from '../keeper-exercise.fixture.ts'
import type { Fault } from '../prover.ts'
import { proverOf } from '../provers.ts'
import { openSession } from '../session.ts'
import { erasureProver } from './erasure-prover.ts'

const recovery = {
  backups: { hourly: { schedule: '0 * * * *', keep: '30d' } },
  erasures: {
    item: { claim: 'The item is gone', parameter: 'text', sql: ['DELETE FROM items WHERE name = $1'] },
  },
  subjects: { item: { table: 'items', column: 'name' } },
  key: { escrow: { rehearsedEvery: '40d' } },
}

suite('what a restore rests on beside the backup: erasures on record, the key in escrow', { timeout: 120_000 }, () => {
  let tiny: TinyProject
  let system: System
  before(async () => {
    tiny = await tinyProject({}, { exercise: './exercise.mjs', recovery })
    await writeFile(join(tiny.directory, 'exercise.mjs'), keeperExercise)
    system = await loadSystem(tiny.project, 'tiny')
  })
  after(() => tiny.remove())

  /** Both on one site, as a run proves them. */
  const prove = async (...faults: Fault[]) => {
    const { session, close } = await openSession({
      system,
      state: tiny.project.state,
      clock: systemClock,
      seed: 7,
      effort: 'fast',
      signal: new AbortController().signal,
      faults,
      progress: () => undefined,
      log: () => undefined,
    })
    const facts = { seed: 7, planDigest: '', commit: null, environment: {} }
    try {
      const found = []
      for (const prover of [erasureProver, escrowProver]) {
        const own = deriveGuarantees(system.plan).filter((each) => proverOf(each, system) === prover)
        assert.equal(own.length, 1)
        for await (const finding of prover.prove(own, session)) found.push(conclude(finding, '', facts))
      }
      return found
    } finally {
      await close()
    }
  }

  test('are proven for real, by rows and by a server that serves', async () => {
    const [erasure, escrow] = await prove()
    assert.equal(erasure?.guarantee, 'retention/erasure:item/stays-erased')
    assert.equal(erasure.verdict, 'proven', erasure.reason)
    assert.match(erasure.reason, /^All 1 rows were erased, .* of \d+ others/)
    assert.equal(escrow?.guarantee, 'recovery/key/escrow')
    assert.equal(escrow.verdict, 'proven', escrow.reason)
    assert.match(escrow.reason, /came back with the copy alone/)
  })

  test('are refuted when the record is lost, and when the copy is older than the key', async () => {
    const [erasure, escrow] = await prove('erasure-not-repeated', 'escrow-copy-outdated')
    assert.deepEqual([erasure?.verdict, escrow?.verdict], ['refuted', 'refuted'])
    assert.match(erasure?.reason ?? '', /brought .*back/)
    assert.match(escrow?.reason ?? '', /key/)
    for (const { mutants } of [erasureProver, escrowProver]) {
      for (const { says } of mutants) assert.ok([erasure, escrow].some((each) => says?.test(each?.reason ?? '')))
    }
  })

  test('a rehearsal is believed for as long as the plan says', () => {
    const escrow = deriveGuarantees(system.plan).find(({ id }) => id === 'recovery/key/escrow')
    assert.equal(escrow?.freshFor, 40 * 86_400_000)
  })
})
