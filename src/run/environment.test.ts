import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { withClient } from '../postgres/connection.ts'
import { startServer } from '../postgres/launch.ts'
import { processExists } from '../process.ts'
import { loadSystem } from '../project/load-system.ts'
import { type Environment, type EnvironmentOptions, startEnvironment } from './environment.ts'
import { type TinyProject, tinyProject } from './tiny-system.fixture.ts'

const begun = new Map<TinyProject, Environment[]>()

async function tiny(t: TestContext, service: Record<string, unknown> = {}): Promise<TinyProject> {
  const made = await tinyProject(service)
  begun.set(made, [])
  t.after(async () => {
    for (const environment of begun.get(made) ?? []) await environment.stop()
    await made.remove()
  })
  return made
}

async function begin(made: TinyProject, changes: Partial<EnvironmentOptions> = {}): Promise<Environment> {
  const environment = await startEnvironment({
    system: await loadSystem(made.project, 'tiny'),
    directory: join(made.project.state, 'tiny'),
    environment: 'development',
    clock: systemClock,
    log: () => undefined,
    ...changes,
  })
  begun.get(made)?.push(environment)
  return environment
}

async function ask(environment: Environment, path: string, method = 'GET'): Promise<unknown> {
  const response = await fetch(`${environment.address('keeper')}${path}`, { method, headers: { connection: 'close' } })
  const body: unknown = await response.json()
  assert.equal(response.status, 200, JSON.stringify(body))
  return body
}

const code = (expected: string) => (error: unknown) => error instanceof AvalError && error.code === expected

test('a system runs with its data, stops whole, and a second start keeps what was written', async (t) => {
  const project = await tiny(t)
  const first = await begin(project)
  assert.deepEqual(await ask(first, '/items'), ['seeded'])
  await ask(first, '/items/apple', 'PUT')
  const service = Number(await ask(first, '/process'))
  const postmaster = first.server.pid
  await first.stop()
  await first.stop()
  assert.ok(!processExists(service))
  assert.ok(!processExists(postmaster))
  assert.ok(!existsSync(join(first.directory, 'services.json')))

  const second = await begin(project)
  assert.deepEqual(await ask(second, '/items'), ['apple', 'seeded'], 'kept, and not seeded twice')
  await second.destroy()
  await assert.rejects(second.startServices(), code('ENVIRONMENT_STOPPED'))
  assert.ok(!existsSync(second.directory))
})

test('services connect as the role of their plan, which owns nothing', async (t) => {
  const environment = await begin(await tiny(t))
  const roleUrl = environment.database.roleUrl('tiny_keeper')
  await withClient(roleUrl, async (client) => {
    await assert.rejects(client.query('DROP TABLE items'), /must be owner/)
  })
  assert.ok(!roleUrl.includes((await readFile(join(environment.directory, 'roles.key'), 'utf8')).trim()))
})

test('a second start of the same directory says who runs there, and harms nothing', async (t) => {
  const project = await tiny(t)
  const first = await begin(project)
  await assert.rejects(begin(project), code('ENVIRONMENT_IN_USE'))
  assert.deepEqual(await ask(first, '/items'), ['seeded'])
})

test('when a service cannot start nothing is left, and the next start may have the directory', async (t) => {
  const project = await tiny(t, { environment: { NODE_OPTIONS: '--no-such-option' } })
  const lines: string[] = []
  await assert.rejects(begin(project, { log: (line) => lines.push(line) }), code('SERVICE_DIED_STARTING'))
  assert.ok(
    lines.some((line) => line.includes('database system is shut down')),
    'Postgres was stopped in order',
  )
  const next = await begin(project, { serviceEnvironment: { keeper: { NODE_OPTIONS: '', FLAVOUR: 'sweet' } } })
  assert.equal(await ask(next, '/flavour'), 'sweet')
})

test('what follows the migrations runs before any service, and its failure stops everything', async (t) => {
  const project = await tiny(t)
  await assert.rejects(
    begin(project, { afterMigration: () => Promise.reject(new Error('not like this')) }),
    /not like this/,
  )
  const environment = await begin(project, {
    afterMigration: (url) =>
      withClient(url, async (client) => void (await client.query("INSERT INTO items VALUES ('early')"))),
  })
  assert.deepEqual(await ask(environment, '/items'), ['early', 'seeded'])
})

test('a start that is aborted leaves nothing running and nothing locked', async (t) => {
  const project = await tiny(t)
  const interruption = new AbortController()
  const aborted = begin(project, {
    signal: interruption.signal,
    log: (line) => line.includes('migration') && interruption.abort(new Error('Ctrl-C')),
  })
  await assert.rejects(aborted, /Ctrl-C/)
  const next = await begin(project)
  assert.deepEqual(await ask(next, '/items'), ['seeded'])
})

test('a server that was killed is started again with all it had acknowledged, and services find it', async (t) => {
  const environment = await begin(await tiny(t))
  await ask(environment, '/items/pear', 'PUT')
  const process = await ask(environment, '/process')
  await environment.server.kill()
  await environment.restartServer()
  assert.deepEqual(await ask(environment, '/items'), ['pear', 'seeded'])
  assert.equal(await ask(environment, '/process'), process, 'the service was left alone')
})

test('another server can take the place of the first, under services on the same ports', async (t) => {
  const project = await tiny(t)
  const environment = await begin(project)
  const address = environment.address('keeper')
  await ask(environment, '/items/plum', 'PUT')
  await environment.stopServices()
  await environment.server.stop()
  const copy = join(project.directory, 'copy')
  await cp(environment.server.dataDirectory, copy, { recursive: true })
  const server = await startServer({ dataDirectory: copy, binaries: environment.binaries, clock: systemClock })
  await environment.replaceServer(server)
  assert.equal(environment.server, server)
  await environment.startServices()
  assert.equal(environment.address('keeper'), address)
  assert.deepEqual(await ask(environment, '/items'), ['plum', 'seeded'])
  await environment.stop()
  assert.equal(server.running(), false, 'the environment ends the server it was given')
})
