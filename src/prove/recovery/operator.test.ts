import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadSystem } from '../../project/load-system.ts'
import { tinyProject } from '../../run/tiny-system.fixture.ts'
import { isAval, makeOperator, ownFolder } from './operator.ts'

test('a command of the plan is run as it is written, words in capitals filled in', async (t) => {
  const tiny = await tinyProject()
  const root = await mkdtemp(join(tmpdir(), 'aval-operator-'))
  t.after(async () => {
    await tiny.remove()
    await rm(root, { recursive: true, force: true })
  })
  const operator = await makeOperator({ system: await loadSystem(tiny.project, 'tiny'), root: join(root, 'project') })
  const { typed, output } = await operator.aval('./aval guarantees SYSTEM', { SYSTEM: 'tiny' })
  assert.equal(typed, 'aval guarantees tiny')
  assert.match(output, /recovery\/kill\/acknowledged-writes/)
  await assert.rejects(operator.aval('aval restore tiny --at latest --to DIRECTORY', { DIRECTORY: '/nowhere' }), {
    message: /^aval restore tiny --at latest --to \/nowhere ended with [12]: .*REPOSITORY_ABSENT/,
  })
})

test('what the operator writes never reaches the sources of the system, however deep', async (t) => {
  const tiny = await tinyProject()
  const root = await mkdtemp(join(tmpdir(), 'aval-operator-'))
  t.after(async () => {
    await tiny.remove()
    await rm(root, { recursive: true, force: true })
  })
  await mkdir(join(tiny.directory, 'db', 'migrations'), { recursive: true })
  await writeFile(join(tiny.directory, 'db', 'migrations', 'one.sql'), 'SELECT 1;')
  await writeFile(join(tiny.directory, 'db', 'beside.sql'), 'SELECT 2;')
  const operator = await makeOperator({ system: await loadSystem(tiny.project, 'tiny'), root: join(root, 'project') })
  const folder = await ownFolder(operator, './db/migrations')
  await writeFile(join(folder, 'two.sql'), 'SELECT 3;')
  await rm(join(folder, 'one.sql'))
  assert.equal(await readFile(join(tiny.directory, 'db', 'migrations', 'one.sql'), 'utf8'), 'SELECT 1;')
  await assert.rejects(readFile(join(tiny.directory, 'db', 'migrations', 'two.sql')), { code: 'ENOENT' })
  assert.equal(await readFile(join(operator.system, 'db', 'beside.sql'), 'utf8'), 'SELECT 2;')
})

test('migrations beside the folder of the plan are found from the operator as well, and become its own', async (t) => {
  const tiny = await tinyProject(
    {},
    {
      database: { version: '>=15', size: '1GB', migrations: { layout: 'sql', directory: '../../db/migrations' } },
    },
  )
  const root = await mkdtemp(join(tmpdir(), 'aval-operator-'))
  t.after(async () => {
    await tiny.remove()
    await rm(root, { recursive: true, force: true })
  })
  const source = join(tiny.project.root, 'db', 'migrations')
  await mkdir(source, { recursive: true })
  await writeFile(join(source, '1.sql'), 'SELECT 1;')
  const operator = await makeOperator({ system: await loadSystem(tiny.project, 'tiny'), root: join(root, 'project') })
  const folder = await ownFolder(operator, '../../db/migrations')
  assert.equal(await readFile(join(folder, '1.sql'), 'utf8'), 'SELECT 1;')
  await writeFile(join(folder, '2.sql'), 'SELECT 2;')
  await assert.rejects(readFile(join(source, '2.sql')), { code: 'ENOENT' })
})

test('only commands of Aval are taken for such', () => {
  assert.deepEqual(['aval up', './aval up', 'curl aval', 'avalanche now', undefined].map(isAval), [
    true,
    true,
    false,
    false,
    false,
  ])
})
