import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findProject } from '../project/find-project.ts'
import { planText, temporaryProject } from '../project/temporary-project.fixture.ts'
import { checkSystem } from './check-system.ts'
import { rules } from './rules.ts'

async function problemsOf(files: Record<string, string>, name = 'shop') {
  await using project = await temporaryProject(files)
  const { problems } = await checkSystem(await findProject(project.root, '/nowhere'), name)
  return problems.map(({ rule, where, system }) => ({ rule, at: `${where.line}:${where.column}`, system }))
}

test('problems of many rules are told at once, in the order of the text', async () => {
  const plan = planText(`  system: 'store',
  services: {
    api: { image: 'a', port: 80, needs: ['databse'] },
    web: { image: 'b', port: 80 },
  },
  probes: { health: { http: '/health', every: '1m', notify: ['pager'] } },
  recovery: { objectives: { x: { covers: 'service' } }, timeZone: 'Mars/Olympus' },`)
  assert.deepEqual(await problemsOf({ 'systems/shop/plan.ts': plan }), [
    { rule: 'system-name', at: '4:11', system: 'shop' },
    { rule: 'unknown-need', at: '6:42', system: 'shop' },
    { rule: 'duplicate-port', at: '7:30', system: 'shop' },
    { rule: 'probe-target', at: '9:29', system: 'shop' },
    { rule: 'unknown-channel', at: '9:62', system: 'shop' },
    { rule: 'objective-empty', at: '10:29', system: 'shop' },
    { rule: 'time-zone', at: '10:67', system: 'shop' },
  ])
})

test('a problem in an entry that a const holds is shown where it was written', async () => {
  const plan = `import { definePlan } from 'aval'

const services = {
  api: { image: 'a', needs: ['nothing'] },
}

export default definePlan({ system: 'shop', services })
`
  assert.deepEqual(await problemsOf({ 'plan.ts': plan }), [{ rule: 'unknown-need', at: '4:30', system: 'shop' }])
})

test('problems of the shape are told alone, and those of the requirements file beside those of the plan', async () => {
  assert.deepEqual(
    await problemsOf({ 'plan.ts': planText(`  system: 'shop',\n  recovery: { timeZone: 3, drils: {} },`) }),
    [
      { rule: 'plan-shape', at: '5:25', system: 'shop' },
      { rule: 'plan-shape', at: '5:28', system: 'shop' },
    ],
  )
  const files = {
    'plan.ts': planText(`  system: 'shop',\n  recovery: { timeZone: 'Mars/Olympus' },`),
    'requirements.yaml': '- id: SH-1\n',
  }
  const rulesFound = (await problemsOf(files)).map(({ rule }) => rule)
  assert.deepEqual(new Set(rulesFound), new Set(['requirements-file', 'time-zone']))
})

test('one entry may be wrong by several rules, and no rule falls over a plan that is nearly empty', async () => {
  assert.deepEqual(await problemsOf({ 'plan.ts': planText("  system: 'shop',") }), [])
})

test('rules are told apart by name, and each says what holds', () => {
  assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length)
  for (const { id, summary } of rules) {
    assert.match(id, /^[a-z]+(-[a-z]+)*$/)
    assert.match(summary, /^[A-Z].*\.$/)
  }
})
