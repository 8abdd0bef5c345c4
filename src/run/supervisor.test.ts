import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { parsePlan } from '../plan/plan.ts'
import { processExists } from '../process.ts'
import { freePort } from './free-port.ts'
import { statusOf } from './readiness.ts'
import {
  addressOf,
  assignPorts,
  type Services,
  type ServicesOptions,
  startedServices,
  startServices,
} from './supervisor.ts'

/** A service that does as its environment says, and notes what happens to it in a file all of them share. */
const program = `
import { appendFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
const { PORT, EVENTS, AVAL_SERVICE: name, BEHAVIOUR = 'serve', PEER } = process.env
const note = (what) => appendFileSync(EVENTS, name + ' ' + what + '\\n')
note('begins')
console.log('hello from ' + name)
if (PEER) {
  const answer = await fetch(process.env[PEER] + '/ready').then((a) => a.status, () => 0)
  note('peer ' + answer)
}
if (BEHAVIOUR === 'die') { console.error('no configuration'); process.exit(3) }
if (BEHAVIOUR === 'child') console.log('child ' + spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' }).pid)
process.on('SIGTERM', () => {
  note('told to stop')
  if (BEHAVIOUR !== 'stubborn') setTimeout(() => { note('ends'); process.exit(0) }, 20)
})
createServer((request, answer) => {
  if (request.url === '/crash') { console.error('crashing'); process.exit(9) }
  answer.statusCode = BEHAVIOUR === 'unready' ? 503 : 200
  answer.end(name)
}).listen(Number(PORT), process.env.HOST)
`

interface Bench {
  directory: string
  lines: string[]
  events(): string[]
  ports: Map<string, number>
  start(changes?: Partial<ServicesOptions>): Promise<Services>
}

/** Services by name: what each needs and how it behaves. */
async function bench(
  t: TestContext,
  services: Record<string, { needs?: string[]; behaviour?: string; peer?: string; ready?: boolean }>,
): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'aval-run-'))
  const started: Services[] = []
  t.after(async () => {
    for (const each of started) await each.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  writeFileSync(join(directory, 'service.mjs'), program)
  const events = join(directory, 'events')
  writeFileSync(events, '')
  const parsed = parsePlan({
    system: 'shop',
    services: Object.fromEntries(
      Object.entries(services).map(([name, { needs = [], behaviour = 'serve', peer, ready = true }]) => [
        name,
        {
          command: ['node', 'service.mjs'],
          needs,
          ...(ready ? { ready: '/ready' } : {}),
          environment: { EVENTS: events, BEHAVIOUR: behaviour, ...(peer === undefined ? {} : { PEER: peer }) },
        },
      ]),
    ),
  })
  assert.ok('plan' in parsed)
  const lines: string[] = []
  const entries = startedServices(parsed.plan.services, (line) => lines.push(line))
  const ports = await assignPorts(entries, 'scratch', () => {})
  return {
    directory,
    lines,
    ports,
    events: () => readFileSync(events, 'utf8').split('\n').slice(0, -1),
    start: async (changes) => {
      const running = await startServices({
        system: 'shop',
        directory,
        services: entries,
        ports,
        environment: 'scratch',
        databaseUrl: () => 'postgresql://nobody@127.0.0.1/none',
        marks: join(directory, 'services.json'),
        clock: systemClock,
        log: (line) => lines.push(line),
        ...changes,
      })
      started.push(running)
      return running
    },
  }
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`)
    await systemClock.sleep(10)
  }
}

const portOf = (of: Bench, service: string) => of.ports.get(service) ?? 0
const ask = (of: Bench, service: string, path = '/ready') => statusOf(`${addressOf(portOf(of, service))}${path}`)

test('a service starts once all it needs are ready, and stops before them', async (t) => {
  const shop = await bench(t, {
    web: { needs: ['api'], peer: 'API_URL' },
    api: { needs: ['store', 'database'], peer: 'STORE_URL' },
    store: {},
  })
  const services = await shop.start()
  assert.deepEqual(shop.events(), ['store begins', 'api begins', 'api peer 200', 'web begins', 'web peer 200'])
  for (const name of ['web', 'api', 'store']) assert.equal(services.state(name), 'ready')
  await services.stop()
  assert.deepEqual(shop.events().slice(5), [
    'web told to stop',
    'web ends',
    'api told to stop',
    'api ends',
    'store told to stop',
    'store ends',
  ])
  assert.equal(services.state('api'), 'stopped')
  assert.equal(typeof (await ask(shop, 'api')), 'string', 'nobody answers any more')
  assert.ok(!existsSync(join(shop.directory, 'services.json')), 'no mark is left')
})

test('every line of a service stands behind its name, names as wide as the longest', async (t) => {
  const shop = await bench(t, { api: {}, relay: {} })
  await shop.start()
  await until('both said hello', () => shop.lines.length >= 2)
  assert.deepEqual([...shop.lines].sort(), ['api   | hello from api', 'relay | hello from relay'])
})

test('a service that ends before it is ready is an error with its last words; the others are stopped', async (t) => {
  const shop = await bench(t, { store: {}, api: { needs: ['store'], behaviour: 'die' }, web: { needs: ['api'] } })
  await assert.rejects(shop.start(), (error) => {
    assert.ok(error instanceof AvalError)
    assert.equal(error.code, 'SERVICE_DIED_STARTING')
    assert.match(error.message, /api ended with exit code 3/)
    assert.match(error.next, /no configuration/)
    return true
  })
  assert.ok(!shop.events().includes('web begins'))
  assert.equal(shop.events().at(-1), 'store ends')
})

test('a service that never becomes ready is an error that says what it answered', async (t) => {
  const shop = await bench(t, { api: { behaviour: 'unready' } })
  await assert.rejects(shop.start({ readyWithinMs: 700 }), (error) => {
    assert.ok(error instanceof AvalError)
    assert.equal(error.code, 'SERVICE_NOT_READY')
    assert.match(error.message, /status 503/)
    return true
  })
  assert.equal(typeof (await ask(shop, 'api')), 'string', 'it was stopped')
})

test('a failed service does not make a slow sibling be waited for', async (t) => {
  const shop = await bench(t, { bad: { behaviour: 'die' }, slow: { behaviour: 'unready' } })
  const begun = Date.now()
  await assert.rejects(shop.start({ readyWithinMs: 60_000 }), /bad ended/)
  assert.ok(Date.now() - begun < 30_000)
})

test('a service that crashes is started again on the same port', async (t) => {
  const shop = await bench(t, { api: {} })
  const services = await shop.start()
  const before = services.pid('api')
  await ask(shop, 'api', '/crash')
  await until('it answers again', async () => (await ask(shop, 'api')) === 200)
  await until('it is ready again', () => services.state('api') === 'ready')
  assert.equal(services.restarts('api'), 1)
  assert.notEqual(services.pid('api'), before)
  assert.ok(shop.lines.includes('api | [aval] ended with exit code 9'))
})

test('a service that crashes again and again is reported as a crash loop with its last words', async (t) => {
  const shop = await bench(t, { api: {} })
  const restart = { firstMs: 10, ceilingMs: 40, steadyMs: 60_000, loopAfter: 3 }
  const services = await shop.start({ restart })
  const marker = () => shop.lines.findIndex((line) => line.includes('crash loop: 3 ends in a row'))
  for (let crash = 1; crash <= 3; crash++) {
    await until('it is ready', () => services.state('api') === 'ready' && services.restarts('api') === crash - 1)
    await ask(shop, 'api', '/crash')
  }
  await until('the loop is reported', () => marker() >= 0)
  assert.match(shop.lines[marker()] ?? '', /crashing/)
  await until('it is tried again all the same', () => services.restarts('api') === 3)
})

test('stopping in the middle of a restart ends it', async (t) => {
  const shop = await bench(t, { api: {} })
  const services = await shop.start({ restart: { firstMs: 60_000, ceilingMs: 60_000, steadyMs: 1, loopAfter: 3 } })
  await ask(shop, 'api', '/crash')
  await until('it waits', () => services.state('api') === 'waiting')
  await services.stop()
  assert.equal(services.state('api'), 'stopped')
})

test('a service that does not stop when asked is killed', async (t) => {
  const shop = await bench(t, { api: { behaviour: 'stubborn' } })
  const services = await shop.start({ stopWithinMs: 300 })
  const pid = services.pid('api') ?? 0
  await services.stop()
  assert.ok(shop.events().includes('api told to stop'))
  assert.ok(!processExists(pid))
})

test('what a service started itself goes with it', async (t) => {
  const shop = await bench(t, { api: { behaviour: 'child' } })
  const services = await shop.start()
  const child = () => Number(/child (\d+)/.exec(shop.lines.join('\n'))?.[1] ?? 0)
  await until('it has a child', () => child() > 0)
  await services.stop()
  await until('the child is gone', () => !processExists(child()))
})

test('a start that is aborted leaves nothing running', async (t) => {
  const shop = await bench(t, { api: { behaviour: 'unready' }, web: { needs: ['api'] } })
  const interruption = new AbortController()
  const starting = shop.start({ signal: interruption.signal })
  await until('it listens', async () => (await ask(shop, 'api')) === 503)
  interruption.abort(new Error('Ctrl-C'))
  await assert.rejects(starting, /Ctrl-C/)
  assert.equal(typeof (await ask(shop, 'api')), 'string')
})

test('a service without a ready path is ready as soon as it runs', async (t) => {
  const shop = await bench(t, { worker: { ready: false, behaviour: 'unready' } })
  const services = await shop.start()
  assert.equal(services.state('worker'), 'ready')
})

test('a program that is not there is named', async (t) => {
  const shop = await bench(t, {})
  const parsed = parsePlan({ system: 'shop', services: { api: { command: ['no-such-program'] } } })
  assert.ok('plan' in parsed)
  const services = startedServices(parsed.plan.services, () => undefined)
  await assert.rejects(
    shop.start({ services, ports: await assignPorts(services, 'scratch', () => {}) }),
    (error) => error instanceof AvalError && error.code === 'PROCESS_NOT_FOUND',
  )
})

test('services that others run are not started, and that is said', () => {
  const parsed = parsePlan({
    system: 'shop',
    services: { cache: { image: 'valkey:8' }, mail: { provider: 'Postmark' }, api: { command: ['node'] } },
  })
  assert.ok('plan' in parsed)
  const said: string[] = []
  const started = startedServices(parsed.plan.services, (line) => said.push(line))
  assert.deepEqual([...started.keys()], ['api'])
  assert.deepEqual(said, [
    'cache is not started: its image valkey:8 is run by another tool',
    'mail is not started: Postmark runs it',
  ])
})

test('in development a service gets the port its plan prefers, and a proof never sits on it', async () => {
  const wanted = await freePort()
  const parsed = parsePlan({
    system: 'shop',
    services: {
      web: { command: ['node'] },
      api: { command: ['node'], port: wanted },
      twin: { command: ['node'], port: wanted },
    },
  })
  assert.ok('plan' in parsed)
  const services = startedServices(parsed.plan.services, () => undefined)
  const told: string[] = []
  const development = await assignPorts(services, 'development', (line) => told.push(line))
  assert.equal(development.get('api'), wanted)
  assert.deepEqual(told, [`twin | port ${wanted} is taken; it listens on ${development.get('twin')}`])
  assert.equal(new Set(development.values()).size, 3, 'each has a port of its own')
  assert.ok(![...(await assignPorts(services, 'scratch', () => {})).values()].includes(wanted))
})
