import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { AvalError } from '../errors.ts'
import { findProject, systemDirectory } from './find-project.ts'
import { planText, temporaryProject } from './temporary-project.fixture.ts'

const shop = planText("  system: 'shop',")

test('a folder with systems/<name>/plan.ts is a project, found from any folder within it', async () => {
  await using files = await temporaryProject({
    'systems/shop/plan.ts': shop,
    'systems/bakery/plan.ts': shop,
    'systems/notes/README.md': 'no plan here',
    'deep/er/file.txt': '',
  })
  const project = await findProject(join(files.root, 'deep/er'), '/nowhere')
  assert.deepEqual(project, { root: files.root, state: join(files.root, '.aval'), systems: ['bakery', 'shop'] })
})

test('standing in the folder of a system, that system is here, and its project is the whole one', async () => {
  await using files = await temporaryProject({ 'systems/shop/plan.ts': shop, 'systems/shop/migrations/1.sql': '' })
  const project = await findProject(join(files.root, 'systems/shop/migrations'), '/nowhere')
  assert.equal(project.root, files.root)
  assert.equal(project.here, 'shop')
  assert.equal(systemDirectory(project, 'shop'), join(files.root, 'systems/shop'))
})

test('a folder with plan.ts is a project of one system, called what its plan says', async () => {
  await using files = await temporaryProject({ 'plan.ts': shop })
  const project = await findProject(files.root, '/nowhere')
  assert.deepEqual(project.systems, ['shop'])
  assert.equal(project.here, 'shop')
  assert.equal(systemDirectory(project, 'shop'), files.root)
})

test('a plan whose name cannot be read off its text is called after its folder', async () => {
  await using files = await temporaryProject({ 'my-shop/plan.ts': 'this is not TypeScript {' })
  assert.deepEqual((await findProject(join(files.root, 'my-shop'), '/nowhere')).systems, ['my-shop'])
})

test('the nearest project wins', async () => {
  await using files = await temporaryProject({
    'systems/shop/plan.ts': shop,
    'inner/plan.ts': planText("  system: 'inner',"),
  })
  assert.deepEqual((await findProject(join(files.root, 'inner'), '/nowhere')).systems, ['inner'])
})

test('outside of any project the home of Aval is the project', async () => {
  await using home = await temporaryProject({ 'systems/shop/plan.ts': shop })
  await using elsewhere = await temporaryProject({})
  assert.equal((await findProject(elsewhere.root, home.root)).root, home.root)
})

test('where there is none at all, that is said', async () => {
  await using elsewhere = await temporaryProject({})
  await assert.rejects(findProject(elsewhere.root, elsewhere.root), (error) => {
    assert.ok(error instanceof AvalError)
    assert.equal(error.code, 'PROJECT_NOT_FOUND')
    return true
  })
})
