import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { runToEnd } from '../src/process.ts'

const root = resolve(import.meta.dirname, '..')

/** A project of its own with MedTime in it, so that its scratch environments are nobody else's. */
let place: string
before(async () => {
  place = await mkdtemp(join(tmpdir(), 'aval-self-test-'))
  await mkdir(join(place, 'systems'))
  await symlink(join(root, 'systems/medtime'), join(place, 'systems/medtime'))
})
after(() => rm(place, { recursive: true, force: true }))

// Each mutant costs a session of its own, so that few are tried here; `aval prove medtime --self-test` tries all.
const selfTested = ['performance', 'recovery/database/loss']

test('faults of the performance and recovery provers are refuted', async () => {
  for (const only of selfTested) {
    const { code, stdout, stderr } = await runToEnd({
      program: process.execPath,
      args: [
        '--disable-warning=ExperimentalWarning',
        join(root, 'src/cli/main.ts'),
        ...['prove', 'medtime', '--self-test', '--only', only, '--json'],
      ],
      cwd: place,
      timeoutMs: 600_000,
    })
    assert.equal(code, 0, `${stdout}${stderr}`)
    const seen = z.array(z.object({ mutant: z.string(), seen: z.boolean() })).parse(JSON.parse(stdout))
    assert.ok(seen.length >= 1, only)
  }
})
