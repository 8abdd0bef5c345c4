import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { loadSystem } from '../project/load-system.ts'
import { startEnvironment } from './environment.ts'
import { keepServerUp } from './keep-server-up.ts'
import { type KeepStandbyOptions, promoteAlone } from './keep-standby.ts'
import { environmentStandby } from './standby.ts'
import { tinyProject } from './tiny-system.fixture.ts'

const clock = systemClock

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
