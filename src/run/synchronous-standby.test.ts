import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { withClient } from '../postgres/connection.ts'
import { loadSystem } from '../project/load-system.ts'
import type { WalReceiver } from '../recovery/wal/wal-receiver.ts'
import { startArchive } from './archive.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { failOver } from './fail-over.ts'
import { environmentStandby, type Standby } from './standby.ts'
import { tinyProject } from './tiny-system.fixture.ts'

const clock = systemClock

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = clock.now() + 40_000
  while (!(await condition())) {
    assert.ok(clock.now() < deadline, `in time: ${what}`)
    await clock.sleep(50)
  }
}

/** A system whose commits wait for the standby, and for the receiver of the WAL too where told. */
async function synchronousSystem(receives: boolean) {
  const tiny = await tinyProject(
    {},
    receives ? { recovery: { pointInTime: { window: '7d' }, synchronous: {} } } : { recovery: {} },
  )
  const system = await loadSystem(tiny.project, 'tiny')
  const directory = join(tiny.project.state, 'tiny')
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  let running: { environment: Environment; standby: Standby; archive: WalReceiver | undefined } | undefined
  const begin = async () => {
    const standby = environmentStandby({ system, directory, clock, log, erasures: async () => [] })
    const environment = await startEnvironment({
      system,
      directory,
      environment: 'development',
      clock,
      log,
      databaseAddress: true,
      openServer: standby.open,
    })
    const archive = receives ? await startArchive({ project: tiny.project, environment, clock, log }) : undefined
    running = { environment, standby, archive }
    return running
  }
  const end = async () => {
    await running?.archive?.stop()
    await running?.environment.stop()
    await running?.standby.stop()
    running = undefined
  }
  return { begin, end, lines, remove: tiny.remove }
}

const namesOn = async ({ server }: Environment): Promise<string> =>
  withClient(server.url(), async (client) => {
    const { rows } = await client.query<{ names: string }>(
      "SELECT current_setting('synchronous_standby_names') AS names",
    )
    return rows[0]?.names ?? ''
  })

test('commits wait for standby and receiver after every restart, before and after the roles were changed', async (t) => {
  const system = await synchronousSystem(true)
  t.after(async () => {
    await system.end()
    await system.remove()
  })
  const both = /^FIRST 2 \("?aval_tiny"?, aval_standby\)$/
  const promised = async ({ environment, standby }: { environment: Environment; standby: Standby }) => {
    await until(`both are waited for\n${system.lines.join('\n')}`, async () => both.test(await namesOn(environment)))
    await until('the server has seen it', async () => {
      const { primary, repair, expected } = await standby.status(environment.server)
      return primary?.syncState === 'sync' && repair === undefined && expected === 'synchronous'
    })
  }
  const first = await system.begin()
  await first.standby.create(first.environment, { synchronous: true })
  await promised(first)
  await system.end()
  const second = await system.begin()
  await promised(second)

  const old = second.environment.server.dataDirectory
  await second.archive?.stop()
  await failOver({ ...second, clock, planned: true })
  await second.standby.rejoin(second.environment)
  await system.end()
  const third = await system.begin()
  assert.notEqual(third.environment.server.dataDirectory, old)
  await promised(third)
  assert.ok(!system.lines.some((line) => line.includes('COMMITS DO NOT WAIT')))
})

test('a standby that does not start with its primary is said to be missing, its absence counts as a loss, and once it follows commits wait again', async (t) => {
  const system = await synchronousSystem(false)
  t.after(async () => {
    await system.end()
    await system.remove()
  })
  const first = await system.begin()
  const made = await first.standby.create(first.environment, { synchronous: true })
  await system.end()

  const control = join(made.server.dataDirectory, 'global', 'pg_control')
  await rename(control, `${control}.away`)
  const { environment, standby } = await system.begin()
  assert.ok(system.lines.some((line) => line.includes('COMMITS DO NOT WAIT FOR IT')))
  const put = await fetch(`${environment.address('keeper')}/items/alone`, { method: 'PUT' })
  assert.equal(put.status, 200, 'the system serves meanwhile')
  assert.equal(await standby.resumeWaiting(environment.server), false)

  await rename(`${control}.away`, control)
  await standby.restart(environment)
  await until('it receives', async () => (await standby.status(environment.server)).streaming)
  const differs = await standby.status(environment.server)
  assert.equal(differs.primary?.syncState, 'async')
  assert.match(differs.repair ?? '', /commits do not wait for the standby although they should/)

  await standby.server?.kill()
  await fetch(`${environment.address('keeper')}/items/unseen`, { method: 'PUT' })
  await standby.restart(environment)
  await until('it receives', async () => (await standby.status(environment.server)).streaming)
  assert.equal(await standby.resumeWaiting(environment.server), true)
  assert.equal(await standby.resumeWaiting(environment.server), false, 'once is enough')
  const { primary, repair } = await standby.status(environment.server)
  assert.deepEqual([primary?.syncState, repair], ['sync', undefined])

  // Somebody takes the setting away behind the back of the pair: it is put back.
  await withClient(environment.server.url(), async (client) => {
    await client.query('ALTER SYSTEM RESET synchronous_standby_names')
    await client.query('SELECT pg_reload_conf()')
  })
  await until('it is seen', async () => (await standby.status(environment.server)).repair !== undefined)
  assert.equal(await standby.resumeWaiting(environment.server), true)
})

test('a failover while commits went on without the standby goes by what the disk says, not by the word of the pair', async (t) => {
  const system = await synchronousSystem(false)
  t.after(async () => {
    await system.end()
    await system.remove()
  })
  const first = await system.begin()
  const made = await first.standby.create(first.environment, { synchronous: true })
  await system.end()
  const control = join(made.server.dataDirectory, 'global', 'pg_control')
  await rename(control, `${control}.away`)
  const { environment, standby } = await system.begin()
  await fetch(`${environment.address('keeper')}/items/alone`, { method: 'PUT' })
  await environment.server.kill()
  await rename(`${control}.away`, control)
  await standby.restart(environment)
  await assert.rejects(
    failOver({ environment, standby, clock }),
    (error) => error instanceof AvalError && error.code === 'STANDBY_BEHIND',
  )
})
