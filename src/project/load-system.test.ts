import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AvalError, describeError } from '../errors.ts'
import { findProject } from './find-project.ts'
import { loadSystem } from './load-system.ts'
import { runPlan } from './run-plan.ts'
import { planText, temporaryProject } from './temporary-project.fixture.ts'

const database =
  "  database: { version: '18', size: '2GB', migrations: { layout: 'supabase', directory: 'migrations' } },"

test('a system is loaded with its plan, its digest and the places of its entries', async () => {
  await using files = await temporaryProject(
    { 'systems/shop/plan.ts': planText(`  system: 'shop',\n${database}`) },
    { installed: true },
  )
  const project = await findProject(files.root, '/nowhere')
  const system = await loadSystem(project, 'shop')
  assert.equal(system.plan.database?.size, 2_000_000_000)
  assert.match(system.planDigest, /^[0-9a-f]{64}$/)
  assert.equal(system.planFile, join(files.root, 'systems/shop/plan.ts'))
  assert.deepEqual(system.locate(['system']), { file: system.planFile, line: 4, column: 11 })
})

test('the digest follows what a plan means, not how it is written', async () => {
  await using files = await temporaryProject({
    'systems/a/plan.ts': planText(`  system: 'shop',\n  title: 'Shop',`),
    'systems/b/plan.ts': planText(`  // the same\n  title: \`Sh\${'op'}\`,\n  system: 'shop',\n  alerts: {},`),
    'systems/c/plan.ts': planText(`  system: 'shop',\n  title: 'Shops',`),
  })
  const project = await findProject(files.root, '/nowhere')
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => loadSystem(project, name)))
  assert.equal(a?.planDigest, b?.planDigest)
  assert.notEqual(a?.planDigest, c?.planDigest)
})

test('a plan may import what stands beside it, and print what it likes', async () => {
  await using files = await temporaryProject({
    'plan.ts': `import { definePlan } from 'aval'
import { title } from './title.ts'
console.log('{"outcome":"value","value":{"system":"printed"}}')
console.error('x'.repeat(1_000_000))
export default definePlan({ system: 'shop', title })
`,
    'title.ts': "export const title: string = 'Shop'\n",
  })
  const system = await loadSystem(await findProject(files.root, '/nowhere'), 'shop')
  assert.equal(system.plan.title, 'Shop')
})

test('a plan that still has timers running is loaded all the same', async () => {
  await using files = await temporaryProject({
    'plan.ts': `setInterval(() => {}, 1000)\nexport default { system: 'shop' }\n`,
  })
  assert.deepEqual(await runPlan(join(files.root, 'plan.ts')), { system: 'shop' })
})

test('a plan sees none of the environment', async () => {
  process.env['AVAL_TEST_SECRET'] = 'must not be seen'
  await using files = await temporaryProject({
    'plan.ts': "export default { system: 'shop', title: Object.keys(process.env).join() }\n",
  })
  const seen = await runPlan(join(files.root, 'plan.ts'))
  delete process.env['AVAL_TEST_SECRET']
  assert.ok(!JSON.stringify(seen).includes('AVAL_TEST_SECRET'), JSON.stringify(seen))
})

test('a system that is not there is told with those that are, and the one that was meant', async () => {
  await using files = await temporaryProject({ 'systems/bakery/plan.ts': '', 'systems/shop/plan.ts': '' })
  await assert.rejects(loadSystem(await findProject(files.root, '/nowhere'), 'shpo'), (error) => {
    assert.equal(
      describeError(error),
      'SYSTEM_NOT_FOUND: There is no system "shpo" here.\n  The systems are: bakery, shop. Did you mean "shop"?',
    )
    return true
  })
})

test('a plan of the wrong shape is refused with everything that is wrong', async () => {
  await using files = await temporaryProject({ 'plan.ts': planText(`  system: 'shop',\n  databse: {},\n  title: 3,`) })
  await assert.rejects(loadSystem(await findProject(files.root, '/nowhere'), 'shop'), (error) => {
    assert.ok(error instanceof AvalError)
    assert.equal(error.code, 'PLAN_INVALID')
    assert.match(error.message, /2 things to correct/)
    assert.match(error.message, /6:10 title: This is a number where text belongs/)
    assert.match(error.message, /5:3 databse: "databse" is not known here. Did you mean "database"\?/)
    return true
  })
})

interface Bad {
  what: string
  files: Record<string, string>
  code: string
  /** `line:column` in the file. */
  at?: string
  file?: string
  says: RegExp
}

const bad: Bad[] = [
  {
    what: 'has a syntax error',
    files: { 'plan.ts': "export default {\n  system: 'shop'\n  title: 'Shop',\n}\n" },
    code: 'PLAN_SYNTAX',
    at: '3:3',
    says: /cannot be read as TypeScript/,
  },
  {
    what: 'imports a file with a syntax error',
    files: { 'plan.ts': "import './other.ts'\nexport default {}\n", 'other.ts': 'const a = \n\n= 1\n' },
    code: 'PLAN_SYNTAX',
    file: 'other.ts',
    at: '3:1',
    says: /cannot be read as TypeScript/,
  },
  {
    what: 'uses an enum, which Node does not run',
    files: { 'plan.ts': "enum Size { Small }\nexport default { system: 'shop', title: String(Size.Small) }\n" },
    code: 'PLAN_SYNTAX',
    says: /enum/i,
  },
  {
    what: 'throws',
    files: {
      'plan.ts': "function size(): string {\n  throw new Error('no size')\n}\nexport default { title: size() }\n",
    },
    code: 'PLAN_THREW',
    at: '2:9',
    says: /threw while it was read: no size/,
  },
  {
    what: 'throws what is no error',
    files: { 'plan.ts': "throw 'just text'\n" },
    code: 'PLAN_THREW',
    says: /just text/,
  },
  {
    what: 'imports a file that is missing',
    files: {
      'plan.ts': "import { definePlan } from 'aval'\nimport { a } from './absent.ts'\nexport default definePlan(a)\n",
    },
    code: 'PLAN_IMPORT',
    at: '2:19',
    says: /"\.\/absent\.ts" is imported here and is not there/,
  },
  {
    what: 'imports a package that is missing',
    files: { 'plan.ts': "import left from 'left-pad-of-nobody'\nexport default left\n" },
    code: 'PLAN_IMPORT',
    at: '1:18',
    says: /"left-pad-of-nobody" is imported here and is not there/,
  },
  {
    what: 'imports a name that a module does not export',
    files: { 'plan.ts': "import { b } from './a.ts'\nexport default b\n", 'a.ts': 'export const a = 1\n' },
    code: 'PLAN_IMPORT',
    at: '1:19',
    says: /exports nothing called "b"/,
  },
  {
    what: 'exports nothing',
    files: { 'plan.ts': 'const plan = {}\nvoid plan\n' },
    code: 'PLAN_NO_DEFAULT',
    says: /no default export; it exports nothing/,
  },
  {
    what: 'exports its plan by name only',
    files: { 'plan.ts': "export const plan = { system: 'shop' }\n" },
    code: 'PLAN_NO_DEFAULT',
    says: /it exports plan/,
  },
  {
    what: 'exits',
    files: { 'plan.ts': 'process.exit(7)\nexport default {}\n' },
    code: 'PLAN_EXITED',
    says: /exit code 7/,
  },
  {
    what: 'awaits what never comes',
    files: { 'plan.ts': 'await new Promise(() => {})\nexport default {}\n' },
    code: 'PLAN_ENDLESS',
    says: /had not finished/,
  },
  {
    what: 'holds functions, symbols and BigInts',
    files: {
      'plan.ts':
        "export default {\n  system: 'shop',\n  title: () => 'Shop',\n  note: 1n,\n  exercise: Symbol('x'),\n}\n",
    },
    code: 'PLAN_NOT_DATA',
    at: '3:10',
    says: /a function at title; a BigInt at note; a symbol at exercise/,
  },
  {
    what: 'holds itself',
    files: { 'plan.ts': "const a: { b?: unknown } = {}\na.b = a\nexport default { system: 'shop', services: a }\n" },
    code: 'PLAN_NOT_DATA',
    says: /an object that holds itself at services\.b/,
  },
  {
    what: 'holds dates, classes and numbers that are none',
    files: { 'plan.ts': 'export default { a: new Date(0), b: new (class Shop {})(), c: [Number.NaN, undefined] }\n' },
    code: 'PLAN_NOT_DATA',
    says: /a Date at a; a Shop at b; the number NaN at c\.0; undefined at c\.1/,
  },
  {
    what: 'has a getter that throws',
    files: { 'plan.ts': "export default {\n  get system() {\n    throw new Error('not today')\n  },\n}\n" },
    code: 'PLAN_THREW',
    at: '3:11',
    says: /not today/,
  },
  {
    what: 'writes a file',
    files: {
      'plan.ts': "import { writeFileSync } from 'node:fs'\nwriteFileSync('written.txt', 'x')\nexport default {}\n",
    },
    code: 'PLAN_DENIED',
    at: '2:1',
    says: /tried something a plan may not do/,
  },
  {
    what: 'starts a program',
    files: { 'plan.ts': "import { execSync } from 'node:child_process'\nexecSync('true')\nexport default {}\n" },
    code: 'PLAN_DENIED',
    says: /tried something/,
  },
  {
    what: 'writes nonsense to the descriptor of the answer',
    files: {
      'plan.ts': "import { writeSync } from 'node:fs'\nwriteSync(3, 'nonsense')\nexport default { system: 'shop' }\n",
    },
    code: 'PLAN_EXITED',
    says: /before it gave a value/,
  },
]

for (const { what, files, code, at, file = 'plan.ts', says } of bad) {
  test(`a plan that ${what} gets a clear message and no stack`, async () => {
    await using project = await temporaryProject(files)
    await assert.rejects(runPlan(join(project.root, 'plan.ts')), (error) => {
      assert.ok(error instanceof AvalError, String(error))
      assert.equal(error.code, code, error.message)
      assert.match(error.message, says)
      assert.equal(error.where?.file, join(project.root, file))
      if (at !== undefined) assert.equal(`${error.where?.line}:${error.where?.column}`, at)
      assert.doesNotMatch(describeError(error), /\n\s+at |node:internal|plan-process/)
      return true
    })
    assert.equal(existsSync(join(project.root, 'written.txt')), false)
  })
}

test('a plan that loops is ended in time', async () => {
  await using project = await temporaryProject({ 'plan.ts': 'while (true);\nexport default {}\n' })
  const startedAt = Date.now()
  await assert.rejects(runPlan(join(project.root, 'plan.ts'), { timeoutMs: 1_000, answerBytes: 1_000 }), {
    code: 'PLAN_ENDLESS',
  })
  assert.ok(Date.now() - startedAt < 8_000)
})

test('a plan that is too large is cut off', async () => {
  await using project = await temporaryProject({ 'plan.ts': "export default { title: 'x'.repeat(5_000_000) }\n" })
  await assert.rejects(runPlan(join(project.root, 'plan.ts')), { code: 'PLAN_TOO_LARGE' })
})
