import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import { loadSystem } from '../project/load-system.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import type { Mutant } from './prover.ts'
import { tryMutant } from './self-test.ts'

let tiny: TinyProject
before(async () => {
  const recovery = {
    objectives: { database: { rto: '1h', rpo: '1m' } },
    backups: { hourly: { schedule: '0 * * * *', keep: '30d' } },
  }
  tiny = await tinyProject({}, { exercise: './exercise.mjs', recovery })
  await writeFile(join(tiny.directory, 'exercise.mjs'), 'export const other = 1')
})
after(() => tiny.remove())

const facts = { seed: 7, planDigest: '', commit: null, environment: {} }

async function tried(signal: AbortSignal) {
  const system = await loadSystem(tiny.project, 'tiny')
  const [guarantee] = deriveGuarantees(system.plan).filter(({ id }) => id === 'recovery/database/loss')
  assert.ok(guarantee)
  const mutant: Mutant = { id: 'any', description: 'any break', guarantee, fault: 'wal-segment-removed' }
  const log: string[] = []
  const { state } = tiny.project
  const session = { system, state, clock: systemClock, seed: 7, signal, progress: () => undefined }
  return { result: await tryMutant(mutant, { ...session, log: (line) => log.push(line) }, facts), log }
}

test('a mutant whose proof ends in an error is tried once more, counts as not seen, and ends nothing else', async () => {
  const { result, log } = await tried(new AbortController().signal)
  assert.equal(result.seen, false)
  assert.equal(result.evidence.verdict, 'inconclusive')
  assert.match(result.evidence.reason, /does not export a function/)
  assert.equal(log.filter((line) => line.startsWith('any once more')).length, 1)
})

test('what was asked to end is no result', async () => {
  await assert.rejects(tried(AbortSignal.abort(new Error('asked to end'))), /asked to end/)
})
