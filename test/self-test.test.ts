import assert from 'node:assert/strict'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { runToEnd } from '../src/process.ts'
import { type OwnProject, projectOf } from './project-of.fixture.ts'

const root = resolve(import.meta.dirname, '..')

let project: OwnProject
before(async () => {
  project = await projectOf('medtime')
})
after(() => project.remove())

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
      cwd: project.root,
      timeoutMs: 600_000,
    })
    assert.equal(code, 0, `${stdout}${stderr}`)
    const seen = z.array(z.object({ mutant: z.string(), seen: z.boolean() })).parse(JSON.parse(stdout))
    assert.ok(seen.length >= 1, only)
  }
})
