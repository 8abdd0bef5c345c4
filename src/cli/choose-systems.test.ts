import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { Project } from '../project/project.ts'
import { chooseSystem, chooseSystems } from './choose-systems.ts'

const project: Project = { root: '/p', state: '/p/.aval', systems: ['clinic', 'shop'] }
const said = (work: () => unknown) => {
  try {
    return work()
  } catch (error) {
    return stripVTControlCharacters(String(error))
  }
}

test('a command is about the system that is named, stood in, or the only one', () => {
  assert.equal(chooseSystem(project, 'shop', 'query'), 'shop')
  assert.equal(chooseSystem({ ...project, here: 'clinic' }, undefined, 'query'), 'clinic')
  assert.equal(chooseSystem({ ...project, systems: ['shop'] }, undefined, 'query'), 'shop')
  assert.deepEqual(chooseSystems(project, undefined, true, 'check'), ['clinic', 'shop'])
})

test('--all is offered only by a command that has it', () => {
  assert.match(String(said(() => chooseSystems(project, undefined, false, 'check'))), /clinic, shop, or --all\./)
  assert.match(String(said(() => chooseSystem(project, undefined, 'query'))), /clinic, shop\.$/m)
})
