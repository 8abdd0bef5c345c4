import assert from 'node:assert/strict'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../src/clock.ts'
import { deriveGuarantees } from '../src/plan/derive.ts'
import { findProject } from '../src/project/find-project.ts'
import { loadSystem } from '../src/project/load-system.ts'
import { crashGuarantee, crashRepeatedly } from '../src/prove/crash/crash.ts'
import { restoreRepeatedly, restoresGuarantee } from '../src/prove/crash/restores.ts'

const root = resolve(import.meta.dirname, '..')
const kills = 20

test(`after ${kills} kills at random moments of a push, a backup and a restore, no acknowledged write is lost`, async (t) => {
  const system = await loadSystem(await findProject(root, root), 'medtime')
  const guarantee = deriveGuarantees(system.plan).find(({ id }) => id === crashGuarantee)
  assert.ok(guarantee)
  const seed = Number(process.env['AVAL_SEED'] ?? systemClock.now() % 2 ** 31)
  t.diagnostic(`seed ${seed}`)
  const finding = await crashRepeatedly({
    guarantee,
    system,
    aval: [process.execPath, '--disable-warning=ExperimentalWarning', join(root, 'src/cli/main.ts')],
    clock: systemClock,
    seed,
    signal: new AbortController().signal,
    until: (rounds) => rounds < kills,
    told: (round) => t.diagnostic(`${round.phase}: ${round.victim} after ${round.afterMs} ms, ${round.writes} writes`),
  })
  assert.equal(finding.outcome, 'measured')
  assert.ok(finding.outcome === 'measured')
  assert.equal(finding.sample.size, kills)
  assert.equal(finding.measured, 0, `${finding.reason} (seed ${seed})`)
})

const restores = 2

test(`each of ${restores} restores after a random kill holds every write that was ever acknowledged`, async (t) => {
  const system = await loadSystem(await findProject(root, root), 'medtime')
  const guarantee = deriveGuarantees(system.plan).find(({ id }) => id === restoresGuarantee)
  assert.ok(guarantee)
  const seed = Number(process.env['AVAL_SEED'] ?? systemClock.now() % 2 ** 31)
  t.diagnostic(`seed ${seed}`)
  const finding = await restoreRepeatedly({
    guarantee,
    system,
    aval: [process.execPath, '--disable-warning=ExperimentalWarning', join(root, 'src/cli/main.ts')],
    clock: systemClock,
    seed,
    signal: new AbortController().signal,
    until: (rounds) => rounds < restores,
    told: (round) => t.diagnostic(`${round.victim} after ${round.afterMs} ms, ${round.writes} writes`),
  })
  assert.ok(finding.outcome === 'measured')
  assert.equal(finding.sample.size, restores)
  assert.equal(finding.measured, 0, `${finding.reason} (seed ${seed})`)
})
