import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { withClient } from '../postgres/connection.ts'
import { signalServer } from '../postgres/leftover.ts'
import { loadSystem } from '../project/load-system.ts'
import { eraseSubject } from '../recovery/erasures/erase.ts'
import { openDevelopmentRepository, recordedErasures } from './archive.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { failOver } from './fail-over.ts'
import { environmentStandby, type Standby } from './standby.ts'
import { tinyProject } from './tiny-system.fixture.ts'

const clock = systemClock

test('services live through a failover without a restart, and the system comes up with its new primary', async (t) => {
  const tiny = await tinyProject()
  const system = await loadSystem(tiny.project, 'tiny')
  const directory = join(tiny.project.state, 'tiny')
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  let environment: Environment | undefined
  let standby: Standby | undefined
  t.after(async () => {
    await environment?.stop()
    await standby?.stop()
    await tiny.remove()
  })
  const begin = async () => {
    standby = environmentStandby({ system, directory, clock, log, erasures: async () => [] })
    environment = await startEnvironment({
      system,
      directory,
      environment: 'development',
      clock,
      log,
      databaseAddress: true,
      openServer: standby.open,
    })
    return { standby, environment }
  }
  const ask = async (path: string, method = 'GET'): Promise<unknown> => {
    const answer = await fetch(`${environment?.address('keeper')}${path}`, { method, headers: { connection: 'close' } })
    return answer.json()
  }

  const first = await begin()
  await first.standby.create(first.environment, { synchronous: true })
  const keeper = await ask('/process')
  assert.equal(await ask('/items/before', 'PUT'), 1)
  await assert.rejects(
    failOver({ ...first, clock }),
    (error) => error instanceof AvalError && error.code === 'STANDBY_PRIMARY_ANSWERS',
  )
  assert.equal(await ask('/items/refused', 'PUT'), 1, 'a refusal changes nothing')

  const old = first.environment.server
  await signalServer(old.dataDirectory, 'SIGSTOP')
  const { steps, loss, generation } = await failOver({ ...first, clock })
  assert.deepEqual(
    steps.map(({ step }) => step),
    ['lag', 'down', 'begin', 'fence', 'promote', 'settle', 'record', 'address', 'verify'],
  )
  assert.deepEqual([loss.kind, generation], ['none', 2])
  const deadline = Date.now() + 10_000
  while ((await ask('/items/after', 'PUT')) !== 1) assert.ok(Date.now() < deadline, 'the service reconnects by itself')
  assert.equal(await ask('/process'), keeper, 'it is the same process')
  assert.deepEqual(await ask('/items'), ['after', 'before', 'refused', 'seeded'])

  await first.standby.rejoin(first.environment)
  assert.equal((await first.standby.status(first.environment.server)).primary?.syncState, 'sync')
  await first.environment.stop()
  await first.standby.stop()

  const second = await begin()
  assert.notEqual(second.environment.server.dataDirectory, old.dataDirectory, 'the roles stay swapped')
  assert.equal(await ask('/items/later', 'PUT'), 1, 'the standby follows, so that commits return')
  assert.deepEqual(await ask('/items'), ['after', 'before', 'later', 'refused', 'seeded'])

  // A promotion that died with its Aval is carried on by the next start.
  await second.environment.server.kill()
  const died = failOver({
    ...second,
    clock,
    onStep: (step) => {
      if (step === 'promote') throw new Error('died')
    },
  })
  await assert.rejects(died, new Error('died'))
  await second.environment.stop()
  await second.standby.stop()
  const third = await begin()
  assert.equal(third.environment.server.dataDirectory, old.dataDirectory)
  assert.ok(lines.includes('standby | promoted: no acknowledged write is lost: every commit waited for the standby'))
  assert.deepEqual(await ask('/items'), ['after', 'before', 'later', 'refused', 'seeded'])
})

test('a failover that loses an erasure with other writes repeats it, and what the plan wants run', async (t) => {
  const rule = { parameter: 'text', sql: ['DELETE FROM items WHERE name = $1'] } as const
  const tiny = await tinyProject(
    {},
    {
      recovery: {
        afterRestore: ["INSERT INTO items VALUES ('settled') ON CONFLICT DO NOTHING"],
        erasures: { item: { claim: 'The item is gone', ...rule, sql: [...rule.sql] } },
      },
    },
  )
  const system = await loadSystem(tiny.project, 'tiny')
  const directory = join(tiny.project.state, 'tiny')
  const repository = await openDevelopmentRepository(tiny.project, 'tiny')
  const erasures = recordedErasures(tiny.project, system, clock)
  const log = () => undefined
  const standby = environmentStandby({ system, directory, clock, log, erasures })
  let environment: Environment | undefined
  t.after(async () => {
    await environment?.stop()
    await standby.stop()
    await tiny.remove()
  })
  environment = await startEnvironment({
    system,
    directory,
    environment: 'development',
    clock,
    log,
    databaseAddress: true,
    openServer: standby.open,
  })
  const { ownerUrl } = environment.database
  const names = async () => {
    const answer = await fetch(`${environment?.address('keeper')}/items`, { headers: { connection: 'close' } })
    return answer.json()
  }
  const put = (name: string) => fetch(`${environment?.address('keeper')}/items/${name}`, { method: 'PUT' })
  await standby.create(environment, { synchronous: false })
  for (const name of ['doomed', 'kept']) await put(name)
  const primary = environment.server
  const deadline = Date.now() + 20_000
  while ((await standby.status(primary)).lagMs !== 0) assert.ok(Date.now() < deadline)

  await standby.server?.kill()
  await put('lost')
  await eraseSubject({
    repository,
    ownerUrl,
    clock,
    name: 'item',
    rule: { claim: '', requirements: [], ...rule, sql: [...rule.sql] },
    subject: 'doomed',
  })
  assert.deepEqual(await names(), ['kept', 'lost', 'seeded'])
  await primary.kill()
  await standby.restart(environment)
  const { loss } = await failOver({ environment, standby, clock, force: true })
  assert.equal(loss.kind, 'measured')
  assert.deepEqual(
    await withClient(environment.database.ownerUrl, async (client) =>
      (await client.query('SELECT name FROM items ORDER BY name')).rows.map(({ name }) => name),
    ),
    ['kept', 'seeded', 'settled'],
  )
})
