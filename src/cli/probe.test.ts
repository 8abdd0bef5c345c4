import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTcp } from 'node:net'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { z } from 'zod'
import { processMark } from '../process.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const answersSchema = z.array(
  z.object({
    probe: z.string(),
    status: z.enum(['well', 'fails', 'not asked', 'left out']),
    tookMs: z.number().nullable(),
    reason: z.string().nullable(),
  }),
)

suite('aval probe', () => {
  let tiny: TinyProject
  let given = { status: 200, body: 'well' }
  const service = createServer((_, response) => response.writeHead(given.status).end(given.body))
  const taken = createTcp((socket) => socket.end())
  const aval = (...argv: string[]) => commandLine(tiny.directory, 'probe', ...argv)
  const json = async (...argv: string[]) => answersSchema.parse(JSON.parse((await aval(...argv, '--json')).out))
  const port = async (server: typeof taken): Promise<number> => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return z.object({ port: z.int() }).parse(server.address()).port
  }
  const run = (address: string) => {
    mkdirSync(developmentDirectory(tiny.project, 'tiny'), { recursive: true })
    const state = {
      pid: processMark(process.pid),
      adminUrl: 'postgresql://nobody@127.0.0.1:1/none',
      ownerUrl: 'postgresql://nobody@127.0.0.1:1/none',
      database: 'none',
      addresses: { keeper: address },
    }
    return writeFile(join(developmentDirectory(tiny.project, 'tiny'), 'run.json'), JSON.stringify(state))
  }

  before(async () => {
    const tcp = `127.0.0.1:${await port(taken)}`
    tiny = await tinyProject(
      {},
      {
        probes: {
          keeper: { http: '/health', service: 'keeper', contains: 'well', every: '30s', failures: 3 },
          socket: { tcp, every: '30s' },
          database: { sql: 'SELECT 1', every: '15s', timeout: '2s' },
          nightly: { heartbeat: '1d', every: '1h' },
        },
      },
    )
    await run(`http://127.0.0.1:${await port(service)}`)
  })
  after(async () => {
    service.close()
    taken.close()
    await tiny.remove()
  })

  test('says what each found, how long it took and what is wrong, and fails when one does', async () => {
    given = { status: 200, body: 'well' }
    const answers = (await json('tiny')).slice(0, 3)
    assert.deepEqual(
      answers.map(({ probe, status, reason }) => [probe, status, reason]),
      [
        ['keeper', 'well', null],
        ['socket', 'well', null],
        ['database', 'fails', 'POSTGRES_UNREACHABLE'],
      ],
    )
    assert.ok(answers.every(({ tookMs }) => tookMs !== null && tookMs >= 0))
    assert.equal((await aval('tiny')).code, 1)
    assert.equal((await aval('tiny', 'keeper')).code, 0)
  })

  test('sees a wrong status and a wrong text of a service that answers', async () => {
    given = { status: 500, body: 'well' }
    const { code, out } = await aval('keeper')
    assert.equal(code, 1)
    assert.match(out, /keeper +FAILS +\S+ +keeper\/health +status 500 instead of 200; counts after 3\s+in a row/)
    given = { status: 200, body: 'patient: Ana' }
    const told = await aval('keeper')
    assert.match(told.out, /does not hold the text/)
    assert.doesNotMatch(told.out, /Ana/)
  })

  test('does not call a sign of life well that nothing hears', async () => {
    const { code, out } = await aval('nightly')
    assert.equal(code, 3)
    assert.match(out.replace(/\s+/g, ' '), /nightly not asked .* nobody listens now/)
  })

  test('asks nothing of a system that does not run, and does not call that well', async (t) => {
    const idle = await tinyProject({}, { probes: { database: { sql: 'SELECT 1', every: '15s' } } })
    t.after(() => idle.remove())
    const { code, out } = await commandLine(idle.directory, 'probe', 'tiny')
    assert.equal(code, 3)
    assert.match(out, /not asked[\s\S]*aval up tiny/)
  })

  test('leaves out what is of production, says so, and asks it when it is named or wanted', async (t) => {
    const dead = createTcp()
    const closed = `localhost.localdomain:${await port(dead)}`
    dead.close()
    await once(dead, 'close')
    const probes = {
      socket: { tcp: `127.0.0.1:${z.object({ port: z.int() }).parse(taken.address()).port}`, every: '30s' },
      certificate: { tls: closed, every: '1h', timeout: '1s' },
    }
    const developed = await tinyProject({}, { probes })
    t.after(() => developed.remove())
    const told = await commandLine(developed.directory, 'probe')
    assert.equal(told.code, 0, told.out)
    assert.match(told.out.replace(/\s+/g, ' '), /certificate left out .* --outside, or aval probe tiny certificate/)
    assert.equal((await commandLine(developed.directory, 'probe', '--outside')).code, 1)
    assert.equal((await commandLine(developed.directory, 'probe', 'tiny', 'certificate')).code, 1)
  })

  test('names the probes there are when asked for another', async () => {
    const { code, err } = await aval('tiny', 'keper')
    assert.equal(code, 2)
    assert.match(err, /keeper, socket, database, nightly, not "keper"\. Did you mean keeper\?/)
  })
})
