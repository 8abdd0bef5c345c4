import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { commandLine } from '../src/cli/command-line.fixture.ts'
import { evidenceSchema } from '../src/ledger/evidence.ts'
import { type TinyProject, tinyProject } from '../src/run/tiny-system.fixture.ts'

let tiny: TinyProject
before(async () => {
  const recovery = {
    objectives: { database: { rto: '4h' } },
    backups: { daily: { schedule: '0 2 * * *', keep: '30d' } },
  }
  tiny = await tinyProject({}, { recovery })
})
after(() => tiny.remove())

test('the size a plan declares is projected from restores of three sizes, and says how far beyond them it lies', async () => {
  const only = ['--only', 'recovery/database/projected-time', '--fast', '--json']
  const { code, out, err } = await commandLine(tiny.directory, 'prove', 'tiny', ...only)
  assert.equal(code, 0, err)
  const [evidence] = evidenceSchema.array().parse(JSON.parse(out))
  assert.equal(evidence?.verdict, 'proven')
  assert.deepEqual(evidence.sample, { size: 3, of: 'restores of 3 sizes' })
  assert.equal(evidence.scale?.declaredBytes, 1_000_000_000)
  assert.ok((evidence.measured ?? 0) > 0)
  assert.match(evidence.reason, /^1GB projected from .* a GB, \d+ times beyond the largest size/)
})
