import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { loadSystem } from '../project/load-system.ts'
import { defaultRestartPolicy } from './backoff.ts'
import { startEnvironment } from './environment.ts'
import { keepServerUp } from './keep-server-up.ts'
import { type KeepStandbyOptions, promoteAlone } from './keep-standby.ts'
import { environmentStandby } from './standby.ts'
import { tinyProject } from './tiny-system.fixture.ts'

const clock = systemClock

test('a server that does not start is tried on, the cause is told once, and nobody hears that it serves before it does', async (t) => {
  const tiny = await tinyProject()
  const system = await loadSystem(tiny.project, 'tiny')
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  const environment = await startEnvironment({
    system,
    directory: join(tiny.project.state, 'tiny'),
    environment: 'development',
    clock,
    log,
  })
  const tries = new EventTarget()
  const refusing = {
    afterMs: 0,
    take: () => {
      tries.dispatchEvent(new Event('tried'))
      return Promise.reject(new Error('there is no standby'))
    },
  }
  const quick = { ...defaultRestartPolicy, firstMs: 1, ceilingMs: 10 }
  const keeper = keepServerUp(environment, clock, log, quick, refusing)
  t.after(async () => {
    keeper.stop()
    await environment.stop()
    await tiny.remove()
  })
  const times = (text: string) => lines.filter((line) => line.includes(text)).length
  const tried = () => once(tries, 'tried', { signal: AbortSignal.timeout(60_000) })
  const served = async (again: number) => {
    for (const deadline = clock.now() + 60_000; times('postgres serves again') < again; await clock.sleep(20))
      assert.ok(clock.now() < deadline, lines.join('\n'))
  }
  const control = join(environment.server.dataDirectory, 'global', 'pg_control')

  await rename(control, `${control}.away`)
  await environment.server.kill()
  await tried()
  await tried()
  assert.deepEqual(
    ['postgres does not start', 'aval restore tiny --at latest --in-place', 'there is no standby', 'serves again'].map(
      times,
    ),
    [1, 1, 1, 0],
  )
  await rename(`${control}.away`, control)
  await served(1)

  await rename(control, `${control}.away`)
  await environment.server.kill()
  await tried()
  keeper.stop()
  await environment.stop()
  assert.equal(times('serves again'), 1)
})

test('the standby takes over by itself from a primary that is dead and does not start again', async (t) => {
  const tiny = await tinyProject()
  const system = await loadSystem(tiny.project, 'tiny')
  const directory = join(tiny.project.state, 'tiny')
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  const standby = environmentStandby({ system, directory, clock, log, erasures: async () => [] })
  const environment = await startEnvironment({
    system,
    directory,
    environment: 'development',
    clock,
    log,
    databaseAddress: true,
  })
  let promoted = 0
  const options: KeepStandbyOptions = {
    environment,
    standby,
    clock,
    log,
    synchronous: true,
    maximumLagMs: 0,
    onPromoted: async () => {
      promoted++
    },
    signal: new AbortController().signal,
  }
  const keeper = keepServerUp(environment, clock, log, undefined, { afterMs: 0, take: () => promoteAlone(options) })
  t.after(async () => {
    keeper.stop()
    await environment.stop()
    await standby.stop()
    await tiny.remove()
  })
  await standby.create(environment, { synchronous: true })
  const old = environment.server
  const until = async (what: string, condition: () => boolean) => {
    const deadline = clock.now() + 60_000
    while (!condition()) {
      assert.ok(clock.now() < deadline, `in time: ${what}\n${lines.join('\n')}`)
      await clock.sleep(50)
    }
  }

  await old.kill()
  await until('it is started again', () => environment.server !== old && environment.server.running())
  assert.equal(environment.server.dataDirectory, old.dataDirectory, 'a primary that starts again is not replaced')
  assert.equal(promoted, 0)

  await rm(join(old.dataDirectory, 'global', 'pg_control'))
  await environment.server.kill()
  await until('the standby took over', () => promoted === 1)
  assert.notEqual(environment.server.dataDirectory, old.dataDirectory)
  const answer = await fetch(`${environment.address('keeper')}/items/after`, { method: 'PUT' })
  assert.equal(answer.status, 200)
})
