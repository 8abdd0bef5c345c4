import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { z } from 'zod'
import { commandLine } from '../src/cli/command-line.fixture.ts'
import { type TinyProject, tinyProject } from '../src/run/tiny-system.fixture.ts'

const sections = {
  database: undefined,
  spend: {
    cloud: {
      monthly: 197,
      timeZone: 'America/Mexico_City',
      from: { file: 'spend.json' },
      items: { storage: { monthly: 100 } },
      notify: ['desk'],
    },
  },
  incidents: { channels: { desk: { kind: 'slack', reaches: 'the desk' } } },
}

const evidenceSchema = z.array(z.object({ guarantee: z.string(), verdict: z.string(), reason: z.string() }))

suite('the proof of a budget', () => {
  let tiny: TinyProject
  const aval = (...argv: string[]) =>
    commandLine(tiny.directory, 'prove', 'tiny', '--seed', '7', '--only', 'alerts/spend:', ...argv)

  before(async () => {
    tiny = await tinyProject({ needs: [], databaseRole: undefined }, sections)
  })
  after(() => tiny.remove())

  test('lives through months just under and just over each of its bounds', async () => {
    const { out, err } = await aval('--json')
    const [found] = evidenceSchema.parse(JSON.parse(out))
    assert.deepEqual([found?.guarantee, found?.verdict], ['alerts/spend:cloud/reaches', 'proven'], `${out}${err}`)
    assert.match(found?.reason ?? '', /^Quiet just under each of its 4 bounds, told on the day it is reached/)
  })

  test('sees each of its mutants', async () => {
    const { code, out, err } = await aval('--self-test')
    assert.equal(code, 0, `${out}${err}`)
    assert.match(out, /2 of 2 mutants were refuted/)
  })
})
