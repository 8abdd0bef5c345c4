import assert from 'node:assert/strict'
import { once } from 'node:events'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createServer as createTls } from 'node:tls'
import { type Clock, systemClock } from '../../../clock.ts'
import { parsePlan } from '../../../plan/plan.ts'
import { type Probe, probes } from '../../../plan/probes.ts'
import { runOrFail } from '../../../process.ts'
import { askProbe, type ProbeWorld } from './ask.ts'
import { probeTargets } from './probe-target.ts'

const openssl = await access('/usr/bin/openssl').then(
  () => true,
  () => false,
)
const open: Server[] = []
after(() => {
  for (const server of open) server.close()
})

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(server)
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Where nobody listens: it was given out by the system and let go. */
async function deserted(): Promise<string> {
  const server = createTcp().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

const world = (other: Partial<ProbeWorld> = {}): ProbeWorld => ({
  serviceUrl: () => 'http://127.0.0.1:1',
  databaseUrl: () => 'postgresql://nobody@127.0.0.1:1/none',
  silentMs: () => undefined,
  authorities: undefined,
  clock: systemClock,
  ...other,
})
type Given = Record<string, unknown>
const probe = (given: Given): Probe => {
  const parsed = probes.parse({ it: { every: '1m', ...given } })['it']
  assert.ok(parsed)
  return parsed
}
const ask = (given: Given, other: Partial<ProbeWorld> = {}) =>
  askProbe('it', probe(given), world(other), new AbortController().signal)

describe('a probe', () => {
  test('over HTTP wants the status and the text, and tells nothing of the answer', async () => {
    const server = createHttp((request, response) => {
      if (request.url === '/never') return
      response.statusCode = request.url === '/broken' ? 500 : 200
      response.end('status: well, patient: Ana')
    })
    const address = await listening(server)
    const http = `http://${address}/health`
    assert.deepEqual((await ask({ http, contains: 'status: well' })).ok, true)
    assert.match((await ask({ http, contains: 'status: bad' })).reason ?? '', /does not hold the text/)
    assert.match((await ask({ http, status: 204 })).reason ?? '', /status 200 instead of 204/)
    assert.match((await ask({ http: `http://${address}/broken` })).reason ?? '', /status 500/)
    assert.equal((await ask({ http: '/health', service: 'api' }, { serviceUrl: () => `http://${address}` })).ok, true)
    const slow = await ask({ http: `http://${address}/never`, timeout: '20ms' })
    assert.deepEqual([slow.ok, slow.reason], [false, 'no answer in time'])
    assert.ok(slow.tookMs >= 19)
    server.closeAllConnections()
    assert.equal((await ask({ http: `http://${await deserted()}/` })).reason, 'ECONNREFUSED')
  })

  test('over TCP wants a connection', async () => {
    assert.equal((await ask({ tcp: await listening(createTcp((socket) => socket.end())) })).ok, true)
    assert.equal((await ask({ tcp: await deserted() })).reason, 'ECONNREFUSED')
  })

  test('of a heartbeat wants a sign of life in time, with the grace that the plan gives it', async () => {
    const beat = (silentMs: number | undefined) =>
      ask({ heartbeat: '1h', grace: '5m' }, { silentMs: (probe) => (probe === 'it' ? silentMs : undefined) })
    assert.equal((await beat(3_900_000)).ok, true)
    assert.equal((await beat(3_900_001)).reason, 'no sign of life in time')
    assert.equal((await beat(undefined)).reason, 'nobody listens for it')
  })

  describe('of a certificate', { skip: openssl ? false : 'openssl is needed' }, () => {
    let directory: string
    const certificate = async (name: string, days: string) => {
      const [key, cert] = [join(directory, `${name}.key`), join(directory, `${name}.crt`)]
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert]
      await runOrFail({ program: 'openssl', args: ['req', '-x509', ...made, ...subject, '-days', days] })
      return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8'), file: cert }
    }
    /** Only `openssl ca` lets a certificate end in the past. */
    const expiredCertificate = async () => {
      const at = (name: string) => join(directory, name)
      await writeFile(at('index'), '')
      await writeFile(at('serial'), '01')
      const authority = `database=${at('index')}\nserial=${at('serial')}\nnew_certs_dir=${directory}\n`
      await writeFile(
        at('ca.cnf'),
        `[ca]\ndefault_ca=old\n[old]\n${authority}default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n`,
      )
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('old.key')]
      await runOrFail({
        program: 'openssl',
        args: ['req', '-new', ...key, '-subj', '/CN=localhost', '-out', at('old.csr')],
      })
      const validity = ['-startdate', '20200101000000Z', '-enddate', '20200201000000Z']
      const files = ['-keyfile', at('old.key'), '-in', at('old.csr'), '-out', at('old.crt')]
      const how = ['-batch', '-notext', '-selfsign', '-config', at('ca.cnf')]
      await runOrFail({ program: 'openssl', args: ['ca', ...how, ...files, ...validity] })
      return { key: await readFile(at('old.key'), 'utf8'), cert: await readFile(at('old.crt'), 'utf8') }
    }
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'aval-probe-'))
    })
    after(() => rm(directory, { recursive: true, force: true }))

    test('tells its days and whether a client would trust it, expired or unknown', async () => {
      const good = await certificate('good', '20')
      const tls = await listening(createTls(good, (socket) => socket.end()))
      const trusted = await ask({ tls }, { authorities: good.cert })
      assert.deepEqual([trusted.ok, trusted.reason], [true, undefined])
      assert.ok(Math.abs((trusted.certificateDays ?? 0) - 20) < 0.1)
      const stranger = await ask({ tls })
      assert.deepEqual([stranger.ok, stranger.reason], [false, 'DEPTH_ZERO_SELF_SIGNED_CERT'])

      const old = await expiredCertificate()
      const expired = await listening(createTls(old, (socket) => socket.end()))
      const found = await ask({ tls: expired }, { authorities: old.cert })
      assert.deepEqual([found.ok, found.reason], [false, 'CERT_HAS_EXPIRED'])
      assert.ok((found.certificateDays ?? 0) < -365)
    })
  })

  test('counts as down only after so many failures in a row, and is up again with the first answer', async () => {
    let now = 0
    let status = 200
    const address = await listening(createHttp((_, response) => response.writeHead(status).end()))
    const site = { http: `http://${address}/`, every: '1m', failures: 3 }
    const parsed = parsePlan({ system: 'tiny', probes: { site } })
    assert.ok('plan' in parsed)
    const clock: Clock = { ...systemClock, now: () => now }
    const [target] = probeTargets(parsed.plan, world({ clock }))
    const figures = async () => {
      const readings = (await target?.read(new AbortController().signal)) ?? []
      now += 60_000
      return ['probe_success', 'aval_probe_failures_in_a_row', 'aval_probe_down'].map(
        (name) => readings.find(({ labels }) => labels['__name__'] === name && labels['probe'] === 'site')?.value,
      )
    }
    assert.deepEqual(await figures(), [1, 0, 0])
    status = 503
    assert.deepEqual(await figures(), [0, 1, 0])
    assert.deepEqual(await figures(), [0, 2, 0])
    assert.deepEqual(await figures(), [0, 3, 1])
    status = 200
    assert.deepEqual(await figures(), [1, 0, 0])
  })
})
