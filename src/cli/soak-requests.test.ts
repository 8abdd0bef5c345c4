import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { openLedger } from '../ledger/ledger.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const id = 'behaviour/requests:keeper/answered'

/** A service that says what it answers and answers so. @param also what it does with each request beside that */
const keeper = (also: string) => `
import { createServer } from 'node:http'
const json = { 'application/json': { schema: { type: 'object' } } }
const name = { name: 'name', in: 'path', required: true, schema: { type: 'string' } }
const document = {
  openapi: '3.1.0',
  paths: { '/items/{name}': { get: { parameters: [name], responses: { 200: { content: json }, '4XX': {} } } } },
}
const server = createServer((request, response) => {
  ${also}
  const path = request.url.split('?')[0]
  const found = path === '/openapi.json' ? document : path === '/ready' || path.startsWith('/items/') ? {} : undefined
  if (found === undefined) return response.writeHead(404).end()
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found))
}).listen(Number(process.env.PORT), process.env.HOST)
process.on('SIGTERM', () => server.close(() => process.exit(0)))
`

suite('aval soak requests', () => {
  let tiny: TinyProject
  before(async () => {
    tiny = await tinyProject({ openapi: { path: '/openapi.json' } })
  })
  after(() => tiny.remove())

  const soak = async (also: string) => {
    await writeFile(join(tiny.directory, 'keeper.mjs'), keeper(also))
    return commandLine(tiny.directory, 'soak', 'requests', 'tiny', '--count', '80', '--seed', '4')
  }

  test('proves a service that answers as it says, tells of each operation, and keeps the evidence', async () => {
    const { code, out, err } = await soak('')
    assert.equal(code, 0, out + err)
    assert.match(err, /seed 4/)
    assert.match(err, /GET \/items\/\{name\}: 80 requests: \d+ answered 200/)
    assert.match(out, /proven: All of 80 requests were answered as declared and none in a log/)
    const ledger = openLedger(tiny.project.state, systemClock)
    const evidence = ledger.latest('tiny').get(id)?.last
    ledger.close()
    assert.equal(evidence?.sample.size, 80)
    assert.equal(evidence.environment['effort'], 'fast', 'it was smaller than a full proof')
    assert.match(err, /bounded, a full proof sends 3000 requests/)
  })

  test('does not undo a full proof that is still fresh', async () => {
    await soak('')
    const bounded = async () => {
      const { out } = await commandLine(tiny.directory, 'guarantees', 'tiny', '--only', id, '--json')
      return JSON.parse(out).map((each: { verdict: string; bounded: boolean }) => [each.verdict, each.bounded])
    }
    assert.deepEqual(await bounded(), [['proven', true]])
    const ledger = openLedger(tiny.project.state, systemClock)
    const evidence = ledger.latest('tiny').get(id)?.last
    assert.ok(evidence)
    ledger.append({ ...evidence, environment: { ...evidence.environment, effort: 'full' } })
    ledger.close()
    await soak('')
    assert.deepEqual(await bounded(), [['proven', false]])
  })

  test('refutes one that logs what it is asked for', async () => {
    const { code, out } = await soak('console.log(request.method, request.url)')
    assert.equal(code, 1)
    assert.match(out, /keeper logged what was sent/)
  })

  test('asks how long', async () => {
    const { code, err } = await commandLine(tiny.directory, 'soak', 'requests', 'tiny')
    assert.equal(code, 2)
    assert.match(err, /--count or --seconds/)
  })
})
