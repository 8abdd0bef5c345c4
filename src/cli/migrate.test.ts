import assert from 'node:assert/strict'
import { readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { serverProcesses } from '../postgres/server-processes.ts'
import { loadSystem } from '../project/load-system.ts'
import { startEnvironment } from '../run/environment.ts'
import { developmentDirectory, removeRunState, writeRunState } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

let tiny: TinyProject
before(async () => {
  tiny = await tinyProject()
})
after(() => tiny.remove())

const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)

const migrations = () => join(tiny.directory, 'migrations')

test('a development database goes from not made to migrated, and its server is stopped again', async () => {
  const directory = developmentDirectory(tiny.project, 'tiny')
  const before = await aval('migrate', 'status', 'tiny')
  assert.match(
    before.out,
    /^tiny, a development database that is not made yet: 1 pending\.\n {2}pending +20260101000000_items\.sql\n$/,
  )
  await assert.rejects(readdir(directory), /ENOENT/, 'looking at it does not make it')

  assert.match((await aval('migrate', 'up', 'tiny')).out, /^tiny: 20260101000000_items\.sql applied in [\d.]+m?s\n$/)
  assert.deepEqual(await aval('migrate', 'up', 'tiny'), { out: 'tiny: nothing to apply.\n', err: '', code: 0 })
  assert.deepEqual(await serverProcesses(join(directory, 'database')), [])

  const json = await aval('migrate', 'status', '--all', '--json')
  const [line, ...others] = JSON.parse(json.out)
  assert.deepEqual(others, [])
  assert.deepEqual(
    { ...line, appliedAt: typeof line.appliedAt },
    {
      system: 'tiny',
      id: '20260101000000',
      name: '20260101000000_items.sql',
      state: 'applied',
      appliedAt: 'string',
      statementsDone: null,
      fix: null,
    },
  )
})

test('while the system runs it is told of, and migrated, where it runs', async () => {
  const system = await loadSystem(tiny.project, 'tiny')
  const environment = await startEnvironment({
    system,
    directory: developmentDirectory(tiny.project, 'tiny'),
    environment: 'development',
    clock: systemClock,
    log: () => undefined,
  })
  try {
    writeRunState(tiny.project, environment)
    await writeFile(
      join(migrations(), '20260102000000_more.sql'),
      'CREATE TABLE more ();\nSELECT nothing FROM items;\n',
    )
    const failed = await aval('migrate', 'up', 'tiny')
    assert.equal(failed.code, 1)
    assert.match(failed.err, /20260102000000_more\.sql:2:8\nMIGRATION_FAILED: .*statement 2 of 2/)
    await writeFile(join(migrations(), '20260102000000_more.sql'), 'CREATE TABLE more ();\n')
    assert.match((await aval('migrate', 'up', 'tiny')).out, /20260102000000_more\.sql applied/)
    assert.match(
      (await aval('migrate', 'status', 'tiny')).out,
      /^tiny, the development server of `aval up`: 2 applied\./,
    )
  } finally {
    removeRunState(tiny.project, 'tiny')
    await environment.stop()
  }
})

test('a folder that disagrees ends with 1, the fix beside the file', async () => {
  const file = join(migrations(), '20260101000000_items.sql')
  await rename(file, `${file}.away`)
  try {
    const { out, code } = await aval('migrate', 'status', 'tiny')
    assert.equal(code, 1)
    assert.match(out, /missing +20260101000000_items\.sql .*\n +Bring the file back/)
    const refused = await aval('migrate', 'up', 'tiny')
    assert.equal(refused.code, 1)
    assert.match(refused.err, /MIGRATIONS_REFUSED: .*its file is gone/)
  } finally {
    await rename(`${file}.away`, file)
  }
})

test('the URL of another server comes from a variable, and is never printed', async () => {
  const absent = await aval('migrate', 'status', 'tiny', '--database-url-from', 'AVAL_TEST_NO_SUCH_URL')
  assert.equal(absent.code, 2)
  assert.match(absent.err, /MIGRATE_NO_URL: .*AVAL_TEST_NO_SUCH_URL/)

  const variable = `AVAL_TEST_URL_${process.pid}`
  process.env[variable] = 'postgresql://owner:hidden@127.0.0.1:1/tiny'
  try {
    const unreachable = await aval('migrate', 'up', 'tiny', '--database-url-from', variable)
    assert.equal(unreachable.code, 1)
    assert.match(unreachable.err, /POSTGRES_UNREACHABLE: .*127\.0\.0\.1:1\/tiny/)
    assert.doesNotMatch(unreachable.err, /hidden/)
  } finally {
    delete process.env[variable]
  }
  assert.equal((await aval('migrate', 'status', 'tiny', '--env', 'production')).code, 2)
})

test('help shows an example and the exit codes', async () => {
  for (const command of ['status', 'up']) {
    const { out } = await aval('migrate', command, '--help')
    assert.match(out, /Example:\n {2}aval migrate/)
    assert.match(out, /Exit codes: 0 /)
  }
})
