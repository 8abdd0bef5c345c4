import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { checkSystem } from '../src/check/check-system.ts'
import { tellProblem } from '../src/cli/tell-problem.ts'
import { deriveGuarantees } from '../src/plan/derive.ts'
import { findProject } from '../src/project/find-project.ts'
import { loadSystem } from '../src/project/load-system.ts'
import { loadRequirements } from '../src/project/requirement.ts'

const root = resolve(import.meta.dirname, '..')
const project = await findProject(root, root)

test('the systems that ship with Aval are found', () => {
  assert.deepEqual(project.systems, ['autorenta', 'bloom', 'medtime', 'supra-water'])
})

for (const name of project.systems) {
  test(`the plan of ${name} has no problem, not even a warning`, async () => {
    const { problems, plan } = await checkSystem(project, name)
    assert.equal(problems.map((problem) => tellProblem(problem, problem.where.file)).join('\n'), '')
    assert.ok(plan)
  })

  test(`the promises of ${name} have ids of their own, a place in the plan, and requirements that exist`, async () => {
    const system = await loadSystem(project, name)
    const known = new Set((await loadRequirements(system)).map(({ id }) => id))
    const guarantees = deriveGuarantees(system.plan)
    assert.ok(guarantees.length > 20)
    assert.equal(new Set(guarantees.map(({ id }) => id)).size, guarantees.length)
    const top = system.locate([])
    for (const { id, path, requirements } of guarantees) {
      assert.notDeepEqual(system.locate(path), top, `${id} has no place of its own`)
      assert.deepEqual(
        requirements.filter((requirement) => !known.has(requirement)),
        [],
        id,
      )
    }
  })
}
