import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { AvalError } from '../errors.ts'
import { parsePlan } from '../plan/plan.ts'
import { loadRequirements, parseRequirements } from './requirement.ts'
import { temporaryProject } from './temporary-project.fixture.ts'

const good = `# What the shop must do.
- id: SH-1.1
  statement: Orders are kept.
  source: Operations §1
- { id: SH-2a, statement: Orders are never lost., source: Operations §2 }
`

function systemIn(directory: string, requirements?: string) {
  const parsed = parsePlan({ system: 'shop', ...(requirements === undefined ? {} : { requirements }) })
  assert.ok('plan' in parsed)
  return { name: 'shop', directory, plan: parsed.plan }
}

function problemsOf(text: string): string[] {
  return parseRequirements('r.yaml', text).problems.map(
    ({ message, where }) => `${where.line}:${where.column} ${message}`,
  )
}

test('the requirements of a system are read in their order', async () => {
  await using files = await temporaryProject({ 'requirements.yaml': good })
  const requirements = await loadRequirements(systemIn(files.root))
  assert.deepEqual(
    requirements.map(({ id }) => id),
    ['SH-1.1', 'SH-2a'],
  )
  assert.equal(requirements[0]?.statement, 'Orders are kept.')
})

test('a system may do without the usual file, but not without one that it names', async () => {
  await using files = await temporaryProject({})
  assert.deepEqual(await loadRequirements(systemIn(files.root)), [])
  await assert.rejects(loadRequirements(systemIn(files.root, './must.yaml')), (error) => {
    assert.ok(error instanceof AvalError)
    assert.equal(error.code, 'REQUIREMENTS_MISSING')
    assert.equal(error.where?.file, join(files.root, 'must.yaml'))
    return true
  })
})

test('everything wrong is told at once, each with its place', () => {
  const text = `- id: SH-1
  statement: ''
  source: Operations
- id: shop-2
  statement: Kept.
  sorce: Operations
- id: SH-1
  statement: Kept.
  source: Operations
- just text
- id: SH-1
  statement: Again.
  source: Operations
`
  const problems = problemsOf(text)
  assert.equal(problems.length, 6, problems.join('\n'))
  assert.match(problems[0] ?? '', /^2:14 statement: /)
  assert.match(problems[1] ?? '', /^4:7 id: an id reads like/)
  assert.match(problems[2] ?? '', /^4:3 source: /)
  assert.match(problems[3] ?? '', /^4:3 .*sorce/)
  assert.match(problems[4] ?? '', /^10:3 /)
  assert.match(problems[5] ?? '', /^11:3 SH-1 stands here again; it is first in line 7$/)
})

test('a file that is no list, or no YAML, is told with its place', () => {
  assert.deepEqual(problemsOf('id: SH-1\n'), ['1:1 the file is a list of requirements'])
  assert.match(problemsOf('- id: "SH-1\n')[0] ?? '', /^2:1 .*quote/)
  assert.match(problemsOf('- {id: SH-1, id: SH-2, statement: a, source: b}\n')[0] ?? '', /unique/)
})

test('an empty file holds no requirements', () => {
  assert.deepEqual(parseRequirements('r.yaml', '# none yet\n'), { requirements: [], problems: [] })
})

test('loading refuses what parsing found wrong', async () => {
  await using files = await temporaryProject({ 'requirements.yaml': `${good}${good}` })
  await assert.rejects(loadRequirements(systemIn(files.root)), /2 things to correct/)
})

test('an alias that would grow without bound is refused', () => {
  const bomb = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    .map(
      (name, index, all) =>
        `- &${name} [${Array(20)
          .fill(index === 0 ? 'x' : `*${all[index - 1]}`)
          .join(', ')}]`,
    )
    .join('\n')
  assert.ok(problemsOf(bomb).length > 0)
})
