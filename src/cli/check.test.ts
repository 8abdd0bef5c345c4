import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { planText, temporaryProject } from '../project/temporary-project.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const good = planText("  system: 'shop',")
const bad = planText("  system: 'bakery',\n  recovery: { timeZone: 'Mars/Olympus' },")

test('a plan with nothing wrong exits 0 and says by how many rules', async () => {
  await using project = await temporaryProject({ 'plan.ts': good })
  const { code, out, err } = await commandLine(project.root, 'check')
  assert.match(out, /^shop: nothing wrong by \d+ rules\.\n$/)
  assert.equal(code, 0)
  assert.equal(err, '')
})

test('a problem is printed with its place from where one stands, its rule and its fix, and exits 1', async () => {
  await using project = await temporaryProject({ 'systems/bakery/plan.ts': bad, 'systems/shop/plan.ts': good })
  const { code, out } = await commandLine(join(project.root, 'systems'), 'check', 'bakery')
  assert.equal(code, 1)
  assert.equal(
    out,
    `bakery/plan.ts:5:25  error  time-zone
  There is no time zone "Mars/Olympus".
  Fix: Use a name such as 'America/Mexico_City' or 'UTC'.

bakery: 1 error.
`,
  )
})

test('a warning is shown and fails nothing', async () => {
  const plan = planText(
    "  system: 'shop',\n  services: { api: { image: 'a', promises: { x: { claim: 'It answers.' } } } },",
  )
  await using project = await temporaryProject({ 'plan.ts': plan })
  const { code, out } = await commandLine(project.root, 'check', 'shop')
  assert.match(out, /warning {2}promise-without-exercise/)
  assert.match(out, /shop: 1 warning\.\n$/)
  assert.equal(code, 0)
})

test('--all checks every system, and one that cannot be loaded hides no other', async () => {
  await using project = await temporaryProject({
    'systems/bakery/plan.ts': bad,
    'systems/broken/plan.ts': 'export default {',
    'systems/shop/plan.ts': good,
  })
  const { code, out } = await commandLine(project.root, 'check', '--all')
  assert.equal(code, 1)
  assert.match(out, /bakery: 1 error\.\n/)
  assert.match(out, /systems\/broken\/plan\.ts:1:17 {2}error {2}plan-loads\n/)
  assert.match(out, /shop: nothing wrong/)
})

test('--json prints one array and nothing else', async () => {
  await using project = await temporaryProject({ 'systems/bakery/plan.ts': bad, 'systems/shop/plan.ts': good })
  const { code, out, err } = await commandLine(project.root, 'check', '--all', '--json')
  assert.equal(code, 1)
  assert.equal(err, '')
  assert.deepEqual(JSON.parse(out), [
    {
      system: 'bakery',
      rule: 'time-zone',
      severity: 'error',
      message: 'There is no time zone "Mars/Olympus".',
      fix: "Use a name such as 'America/Mexico_City' or 'UTC'.",
      path: ['recovery', 'timeZone'],
      file: join(project.root, 'systems/bakery/plan.ts'),
      line: 5,
      column: 25,
    },
  ])
})

test('--resolved prints the plan with its defaults, and the problems apart from it', async () => {
  await using project = await temporaryProject({ 'systems/bakery/plan.ts': bad, 'systems/shop/plan.ts': good })
  const shop = await commandLine(project.root, 'check', 'shop', '--resolved')
  assert.equal(JSON.parse(shop.out).recovery.timeZone, 'UTC')
  assert.equal(shop.code, 0)
  const all = await commandLine(project.root, 'check', '--all', '--resolved', '--json')
  assert.equal(JSON.parse(all.out).length, 2)
  assert.match(all.err, /time-zone/)
  assert.equal(all.code, 1)
})

test('which system is meant must be clear', async () => {
  await using project = await temporaryProject({ 'systems/bakery/plan.ts': bad, 'systems/shop/plan.ts': good })
  const none = await commandLine(project.root, 'check')
  assert.equal(none.code, 2)
  assert.match(none.err, /bakery, shop/)
  const here = await commandLine(join(project.root, 'systems/shop'), 'check')
  assert.match(here.out, /^shop: nothing wrong/)
  const unknown = await commandLine(project.root, 'check', 'shpo')
  assert.equal(unknown.code, 2)
  assert.match(unknown.err, /Did you mean "shop"\?/)
})

test('the help has an example and the exit codes', async () => {
  await using project = await temporaryProject({ 'plan.ts': good })
  for (const command of ['check', 'guarantees', 'requirements']) {
    const { code, out } = await commandLine(project.root, command, '--help')
    assert.equal(code, 0)
    assert.match(out, /Example:\n {2}aval /)
    assert.match(out, /Exit codes:\n {2}0 /)
  }
})
