import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { loadSystem } from '../project/load-system.ts'
import { repositoryDirectory } from '../run/archive.ts'
import { type Environment, startEnvironment } from '../run/environment.ts'
import { type EnvironmentProtection, protectionSettings, startProtection } from '../run/protection.ts'
import { developmentDirectory, removeRunState, writeRunState } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

suite('a plan with incremental backups', { timeout: 120_000 }, () => {
  let tiny: TinyProject
  let environment: Environment | undefined
  let protection: EnvironmentProtection | undefined
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)

  before(async () => {
    const backups = {
      daily: { schedule: '0 2 * * *', keep: '7d' },
      hourly: { type: 'incremental', schedule: '0 * * * *', keep: '2d' },
    }
    tiny = await tinyProject({}, { recovery: { backups } })
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

  test('takes a full one where there is none to follow, and then what its rule says', async () => {
    const asked = await aval('backup', 'create', 'tiny', '--kind', 'incremental')
    assert.equal(asked.code, 1)
    assert.match(asked.err, /BACKUP_NO_PARENT/)
    const first = await aval('backup', 'create', 'tiny', '--rule', 'hourly', '--json')
    assert.equal(first.code, 0)
    assert.match(first.err, /A full backup is taken instead/)
    const [full] = JSON.parse(first.out)
    assert.equal(full.parent, undefined)
    const second = await aval('backup', 'create', 'tiny', '--rule', 'hourly', '--json')
    assert.deepEqual([second.code, second.err], [0, ''])
    const [incremental] = JSON.parse(second.out)
    assert.equal(incremental.parent, full.id)
    assert.match((await aval('backup', 'list', 'tiny')).out, new RegExp(`${incremental.id}.* incremental +hourly `))
    const daily = await aval('backup', 'create', 'tiny', '--rule', 'daily', '--json')
    assert.equal(JSON.parse(daily.out)[0].parent, undefined)
  })
})
