import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { withClient } from '../postgres/connection.ts'
import { startServer } from '../postgres/launch.ts'
import { runToEnd } from '../process.ts'
import { loadSystem } from '../project/load-system.ts'
import { repositoryDirectory } from '../run/archive.ts'
import { type Environment, startEnvironment } from '../run/environment.ts'
import { type EnvironmentProtection, protectionSettings, startProtection } from '../run/protection.ts'
import { developmentDirectory, removeRunState, writeRunState } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const installed = await findBinaries('installed').catch(() => undefined)
const pgbackrest = await runToEnd({ program: 'pgbackrest', args: ['version'] }).catch(() => undefined)
const skip = installed && pgbackrest ? false : 'pgbackrest or Postgres with pg_dump is not installed on this machine'

suite('a plan with another engine', { timeout: 120_000, skip }, () => {
  let tiny: TinyProject
  let environment: Environment | undefined
  let protection: EnvironmentProtection | undefined
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)

  before(async () => {
    const database = {
      version: '>=15',
      size: '1GB',
      servers: { development: 'installed' },
      roles: { tiny_keeper: { purpose: 'What the keeper connects as.' } },
      migrations: { layout: 'supabase', directory: 'migrations' },
      seed: 'seed.sql',
    }
    const recovery = { engine: 'pgbackrest', afterRestore: ["INSERT INTO items VALUES ('after the restore')"] }
    tiny = await tinyProject({}, { database, recovery })
    const system = await loadSystem(tiny.project, 'tiny')
    const { project } = tiny
    environment = await startEnvironment({
      system,
      directory: developmentDirectory(project, 'tiny'),
      environment: 'development',
      clock: systemClock,
      log: () => {},
      serverSettings: await protectionSettings(system, { project, clock: systemClock }),
    })
    protection = await startProtection({ project, environment, clock: systemClock, log: () => {} })
    writeRunState(project, environment, repositoryDirectory(project, 'tiny'))
  })
  after(async () => {
    await protection?.stop()
    await environment?.stop()
    if (environment) removeRunState(tiny.project, 'tiny')
    await tiny.remove()
  })

  const namesIn = async (directory: string): Promise<string[]> => {
    const server = await startServer({
      dataDirectory: directory,
      binaries: await findBinaries('installed'),
      clock: systemClock,
    })
    try {
      return await withClient(server.url({ database: 'tiny' }), async (client) => {
        const { rows } = await client.query<{ name: string }>('SELECT name FROM items ORDER BY name')
        return rows.map(({ name }) => name)
      })
    } finally {
      await server.stop()
    }
  }

  for (const engine of ['pgbackrest', 'logical'] as const) {
    test(`is worked by the same commands: ${engine}`, async () => {
      const chosen = engine === 'pgbackrest' ? [] : ['--engine', engine]
      const created = await aval('backup', 'create', 'tiny', '--label', 'first', '--json', ...chosen)
      assert.deepEqual([created.err, created.code], ['', 0])
      const [backup] = JSON.parse(created.out)
      const list = await aval('backup', 'list', 'tiny', ...chosen)
      assert.match(list.out, new RegExp(`${backup.id} .*"first"\\n.*can be restored`))
      const verified = await aval('backup', 'verify', 'tiny', ...chosen)
      assert.equal(verified.code, 0, verified.out)
      // Its restore is tried where the engines are; here what the command says of one that restores dumps alone.
      if (engine === 'pgbackrest') return
      const to = join(tiny.project.root, engine)
      const restored = await aval('restore', 'tiny', '--at', 'latest', '--to', to, ...chosen)
      assert.deepEqual([restored.err, restored.code], ['', 0])
      assert.match(restored.out, new RegExp(`tiny: the latest state is in ${to}\\n {2}from backup ${backup.id}: `))
      assert.match(restored.out, /It is the state of a dump, .* older than asked for/)
      assert.deepEqual(await namesIn(to), ['after the restore', 'seeded'])
    })
  }

  test('refuses an engine that is none', async () => {
    const refused = await aval('backup', 'list', 'tiny', '--engine', 'magic')
    assert.equal(refused.code, 2)
    assert.match(refused.err, /"magic" is no engine; they are native, logical, pgbackrest/)
  })
})
