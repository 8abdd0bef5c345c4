import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { z } from 'zod'
import { commandLine } from '../src/cli/command-line.fixture.ts'
import { type TinyProject, tinyProject } from '../src/run/tiny-system.fixture.ts'

const sections = {
  database: undefined,
  probes: {
    api: { http: 'https://tiny.example/health', contains: 'well', every: '30s', failures: 3, notify: ['desk'] },
    nightly: { heartbeat: '1d', grace: '30m', every: '1h', failures: 2, notify: ['desk'] },
    lost: { heartbeat: '1d', every: '1h' },
    socket: { tcp: 'tiny.example:7', every: '15s' },
    lonely: { tcp: 'tiny.example:8', every: '15s' },
  },
  telemetry: {
    labels: { probe: ['api', 'nightly', 'lost', 'socket', 'lonely'] },
    metrics: {
      probe_success: { type: 'gauge', help: 'Whether a probe is well.', labels: ['probe'], emittedBy: ['aval'] },
    },
  },
  alerts: {
    socket_down: { when: 'probe_success{probe="socket"} == 0', for: '1m', severity: 'critical', notify: ['desk'] },
  },
  incidents: { channels: { desk: { kind: 'slack', reaches: 'the desk' } }, routing: { groupWait: '10s' } },
}

const evidenceSchema = z.array(z.object({ guarantee: z.string(), verdict: z.string(), reason: z.string() }))

suite('the proof of a probe', () => {
  let tiny: TinyProject
  const aval = (...argv: string[]) => commandLine(tiny.directory, 'prove', 'tiny', '--seed', '7', ...argv)

  before(async () => {
    tiny = await tinyProject({ needs: [], databaseRole: undefined }, sections)
  })
  after(() => tiny.remove())

  test('asks it in every trouble, and says who is told and when; one that nobody is told of is refuted', async () => {
    const { out, err } = await aval('--only', 'probes', '--json')
    const found = new Map(evidenceSchema.parse(JSON.parse(out)).map((one) => [one.guarantee, one]))
    const of = (name: string) => {
      const evidence = found.get(`probes/${name}/reaches`)
      assert.ok(evidence, err)
      return `${evidence.verdict}: ${evidence.reason}`
    }
    assert.match(
      of('api'),
      /^proven: Sees down, slow, wrong status, wrong text; tells desk \d+s after the first failure; a stand-in took the place of its target$/,
    )
    assert.match(of('nightly'), /^proven: Sees silent; tells desk 61m after the first failure$/)
    assert.equal(of('lost'), 'refuted: It notifies nobody, and no alert reads it')
    assert.equal(
      of('socket'),
      'proven: Sees down; tells desk 70s after the first failure; a stand-in took the place of its target',
    )
    assert.equal(of('lonely'), 'refuted: It notifies nobody, and no alert reads it')
  })

  test('sees each of its mutants', async () => {
    const { code, out, err } = await aval('--only', 'probes', '--self-test')
    assert.equal(code, 0, `${out}${err}`)
    assert.match(out, /6 of 6 mutants were refuted/)
  })
})
