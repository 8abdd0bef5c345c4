import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlanPath } from '../plan/plan.ts'
import { parsePlanSource, SyntaxProblem } from './plan-source.ts'
import type { PlanPart } from './project.ts'

/** What stands at the place of a path: the rest of that line of the text. */
function textAt(text: string, path: PlanPath, part?: PlanPart): string {
  const { line = 0, column = 0 } = parsePlanSource('plan.ts', text).locate(path, part)
  return text.split('\n')[line - 1]?.slice(column - 1) ?? ''
}

const plan = `import { definePlan } from 'aval'

const pager = 'pager'
const shared = { channels: { mail: { kind: 'email' } } } as const
const more = { low: { severity: 'low' } }

export default definePlan({
  system: 'shop',
  alerts: {
    'api-errors': { when: 'x > 1', notify: [pager, 'chat'] },
    ...more,
  },
  incidents: shared,
  probes: { [\`computed\`]: 1, 7: 'seven' },
})
`

test('a literal is found by its path', () => {
  assert.equal(textAt(plan, ['system']), "'shop',")
  assert.equal(textAt(plan, ['alerts', 'api-errors', 'when']), "'x > 1', notify: [pager, 'chat'] },")
  assert.equal(textAt(plan, ['alerts', 'api-errors', 'notify', 1]), "'chat'] },")
  assert.equal(textAt(plan, ['probes', '7']), "'seven' },")
})

test('the name of an entry is found when it is asked for', () => {
  assert.equal(
    textAt(plan, ['alerts', 'api-errors'], 'key'),
    "'api-errors': { when: 'x > 1', notify: [pager, 'chat'] },",
  )
})

test('a name is where it is used, and is looked into when the path goes on', () => {
  assert.equal(textAt(plan, ['alerts', 'api-errors', 'notify', 0]), "pager, 'chat'] },")
  assert.equal(textAt(plan, ['incidents', 'channels', 'mail', 'kind']), "'email' } } } as const")
})

test('a spread is looked into', () => {
  assert.equal(textAt(plan, ['alerts', 'low', 'severity']), "'low' } }")
})

test('what is not there is shown at its nearest ancestor', () => {
  assert.equal(textAt(plan, ['alerts', 'api-errors', 'severity']), "{ when: 'x > 1', notify: [pager, 'chat'] },")
  assert.equal(textAt(plan, ['recovery', 'objectives']), '{')
  assert.equal(textAt(plan, ['recovery'], 'key'), '{')
})

test('what comes after a spread in a list is not guessed', () => {
  const text = `const some = ['a']\nexport default { notify: [...some, 'b'] }\n`
  assert.equal(textAt(text, ['notify', 1]), "[...some, 'b'] }")
})

test('later members win, as they do when the plan is run', () => {
  assert.equal(textAt(`export default {\n  a: 1,\n  ...{ a: 2 },\n}\n`, ['a']), '2 },')
  assert.equal(textAt(`export default {\n  ...{ a: 2 },\n  a: 1,\n}\n`, ['a']), '1,')
})

test('a plan is found behind a const, satisfies, a member and an export by name', () => {
  assert.equal(
    textAt(`const plan = { system: 'a' } satisfies object\nexport default plan\n`, ['system']),
    "'a' } satisfies object",
  )
  assert.equal(textAt(`const plan = { system: 'a' }\nexport { plan as default }\n`, ['system']), "'a' }")
  assert.equal(
    textAt(`export const all = { x: { system: 'a' } }\nexport default definePlan(all.x)\n`, ['system']),
    "'a' } }",
  )
})

test('consts that name each other do not hang', () => {
  assert.equal(textAt(`const a = b\nconst b = a\nexport default { x: a }\n`, ['x', 'y']), 'a }')
})

test('without a default export the place is the file', () => {
  assert.deepEqual(parsePlanSource('plan.ts', 'export const x = 1').locate(['x']), { file: 'plan.ts' })
})

test('a syntax error has its place', () => {
  assert.throws(
    () => parsePlanSource('plan.ts', 'export default {\n  system: ,\n}\n'),
    (error) => {
      assert.ok(error instanceof SyntaxProblem)
      assert.deepEqual(error.where, { file: 'plan.ts', line: 2, column: 11 })
      assert.equal(error.message, 'Unexpected token')
      return true
    },
  )
})

test('text is read off literals only', () => {
  const source = parsePlanSource('plan.ts', plan)
  assert.equal(source.textAt(['system']), 'shop')
  assert.equal(source.textAt(['alerts', 'api-errors', 'notify', 0]), 'pager')
  assert.equal(source.textAt(['alerts']), undefined)
  assert.equal(source.textAt(['nothing']), undefined)
})
