import assert from 'node:assert/strict'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { evidenceSchema } from '../src/ledger/evidence.ts'
import { runToEnd } from '../src/process.ts'
import { type OwnProject, projectOf } from './project-of.fixture.ts'

const root = resolve(import.meta.dirname, '..')

let project: OwnProject
before(async () => {
  project = await projectOf('medtime')
})
after(() => project.remove())

test('devices with failing networks end some hours and a restore in identical states, and the evidence is kept', async () => {
  const seed = '11'
  const { code, stdout, stderr } = await runToEnd({
    program: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      join(root, 'src/cli/main.ts'),
      ...['soak', 'devices', 'medtime', '--hours', '4', '--count', '8', '--seed', seed, '--json'],
    ],
    cwd: project.root,
    timeoutMs: 180_000,
  })
  assert.equal(code, 0, `${stdout}${stderr}`)
  const [evidence] = z.array(evidenceSchema).parse(JSON.parse(stdout))
  assert.deepEqual([evidence?.guarantee, evidence?.verdict], ['recovery/devices/identical-states', 'proven'])
  assert.ok((evidence?.sample.size ?? 0) > 50, 'people wrote')
  // A restore that loses nothing would have tried nothing.
  assert.match(evidence?.reason ?? '', /the restore lost [1-9]\d* acknowledged edits/)
})
