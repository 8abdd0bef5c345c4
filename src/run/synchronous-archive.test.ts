import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { withClient } from '../postgres/connection.ts'
import { loadSystem } from '../project/load-system.ts'
import { readWalStatus } from '../recovery/wal/wal-status.ts'
import { startArchive, walStatusFile } from './archive.ts'
import { startEnvironment } from './environment.ts'
import { developmentDirectory } from './run-state.ts'
import { tinyProject } from './tiny-system.fixture.ts'

const names = "SELECT current_setting('synchronous_standby_names') AS names"

test('a plan that loses nothing: commits wait for the store, and what a dead receiver left does not hold up the next start', {
  timeout: 120_000,
}, async (t) => {
  const tiny = await tinyProject({}, { recovery: { pointInTime: { window: '7d' }, synchronous: {} } })
  t.after(() => tiny.remove())
  const system = await loadSystem(tiny.project, 'tiny')
  const start = () =>
    startEnvironment({
      system,
      directory: developmentDirectory(tiny.project, 'tiny'),
      environment: 'development',
      clock: systemClock,
      log: () => undefined,
    })
  const lines: string[] = []
  const environment = await start()
  const archive = await startArchive({
    project: tiny.project,
    environment,
    clock: systemClock,
    log: (line) => lines.push(line),
  })
  try {
    const deadline = Date.now() + 20_000
    while (archive.synchronous() !== 'synchronous') {
      assert.ok(Date.now() < deadline, 'it did not become synchronous')
      await systemClock.sleep(50)
    }
    assert.ok(
      lines.some((line) => line.includes('commits return once their WAL is in the store')),
      lines.join('\n'),
    )
    // A server that crashed and is started again promises nothing less to the services that run on.
    await environment.server.kill()
    await environment.restartServer()
    const { rows } = await withClient(environment.server.url(), (client) => client.query(names))
    assert.deepEqual(rows, [{ names: '"aval_tiny"' }])
  } finally {
    await archive.stop()
    await environment.stop()
  }
  assert.equal((await readWalStatus(walStatusFile(tiny.project, 'tiny')))?.state, 'stopped')
  // The setting is still there, the receiver is not: the migrations must not wait for it.
  const again = await start()
  const { rows } = await withClient(again.server.url(), (client) => client.query(names))
  assert.deepEqual(rows, [{ names: '' }])
  await again.stop()
})
