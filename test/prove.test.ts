import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { evidenceSchema } from '../src/ledger/evidence.ts'
import { runToEnd } from '../src/process.ts'
import { type OwnProject, projectOf } from './project-of.fixture.ts'

const root = resolve(import.meta.dirname, '..')
const cli = join(root, 'src/cli/main.ts')

let project: OwnProject
before(async () => {
  project = await projectOf('medtime')
})
after(() => project.remove())

const aval = (...args: string[]) =>
  runToEnd({
    program: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', cli, ...args],
    cwd: project.root,
    timeoutMs: 600_000,
  })

describe('aval prove medtime', () => {
  test('proves what every day asks of each kind of promise, and keeps the evidence', async () => {
    const { code, stdout, stderr } = await aval('prove', 'medtime', '--fast', '--json', '--seed', '7')
    assert.equal(code, 0, stderr)
    const evidence = z.array(evidenceSchema).parse(JSON.parse(stdout))
    const kinds = new Set(evidence.map(({ guarantee }) => guarantee.split('/')[0]))
    const expected = [
      'alerts',
      'behaviour',
      'blindness',
      'integrity',
      'isolation',
      'limits',
      'performance',
      'probes',
      'recovery',
    ]
    assert.deepEqual([...kinds].sort(), expected)
    assert.deepEqual(
      evidence.filter(({ verdict }) => verdict !== 'proven'),
      [],
    )
    assert.ok(evidence.every(({ seed, sample }) => seed === 7 && sample.size > 0))
    const loss = evidence.find(({ guarantee }) => guarantee === 'recovery/database/loss')
    const scenarios = new Set(
      evidence.flatMap(({ guarantee }) => /^recovery\/procedure:([^/]+)/.exec(guarantee)?.[1] ?? []),
    )
    // The other procedures take minutes: `aval prove medtime --thorough`.
    assert.deepEqual([...scenarios].sort(), ['database-restore', 'point-in-time'])
    assert.ok(loss?.scale && loss.scale.measuredBytes > 0 && loss.scale.declaredBytes > loss.scale.measuredBytes)
  })

  test('leaves nothing of its scratch environment behind', async () => {
    assert.ok(existsSync(join(project.root, '.aval/scratch')))
    const { stdout } = await runToEnd({ program: 'ls', args: ['-A', join(project.root, '.aval/scratch')] })
    assert.equal(stdout.trim(), '')
  })

  test('a second run proves only what is stale, which is nothing', async () => {
    const { code, stdout } = await aval('prove', 'medtime', '--fast')
    assert.equal(code, 0)
    assert.match(stdout, /; 0 carried out now in /)
  })

  test('writes a report of each scenario', async () => {
    for (const ending of ['md', 'html', 'json']) {
      const text = await readFile(join(project.root, `.aval/reports/medtime/scenario-point-in-time.${ending}`), 'utf8')
      assert.match(text, /aval restore medtime/)
      assert.ok(text.length < 60_000)
    }
  })

  test('writes a page that holds every verdict', async () => {
    const page = await readFile(join(project.root, '.aval/reports/medtime/report.html'), 'utf8')
    assert.match(page, /recovery\/database\/loss/)
    assert.match(page, /<b>0<\/b> refuted/)
  })

  test('its ledger verifies', async () => {
    const { code, stdout } = await aval('ledger', 'verify')
    assert.equal(code, 0, stdout)
  })
})
