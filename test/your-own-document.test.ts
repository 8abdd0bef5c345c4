import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { commandLine } from '../src/cli/command-line.fixture.ts'
import { temporaryProject } from '../src/project/temporary-project.fixture.ts'

const page = readFileSync(resolve(import.meta.dirname, '../docs/your-own.md'), 'utf8')
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) => text)

test('the repository of the page gets its plan, its answer and its verdicts by the commands of the page', async () => {
  const files = Object.fromEntries(blocks('sql').map((text) => [/^-- (\S+)\n/.exec(text)?.[1] ?? '', text]))
  assert.deepEqual(Object.keys(files), ['db/migrations/1_customers.sql', 'db/migrations/2_countries.sql'])
  await using repository = await temporaryProject(files)
  const { root } = repository
  const commands = blocks('sh').flatMap((block) => block.trim().split('\n'))
  const run = async (line: string | undefined) => {
    const [program, ...words] = (line ?? '').split(' ')
    assert.equal(program, 'aval')
    const printed = await commandLine(root, ...words)
    assert.equal(printed.code, 0, `${line}\n${printed.out}${printed.err}`)
    return printed.out
  }
  const [init, check, prove, atServer, ...more] = commands
  assert.deepEqual(more, [])
  const [written = '', verdicts = ''] = blocks('text')

  assert.ok((await run(init)).startsWith(written))
  assert.match(await run(check), /^shop: nothing wrong by \d+ rules\.\n$/)

  const planFile = join(root, 'systems/shop/plan.ts')
  const [answer = '', servers = ''] = blocks('ts')
  const plan = await readFile(planFile, 'utf8')
  assert.match(plan, /rowSecurity: \{.*\},/)
  await writeFile(planFile, plan.replace(/rowSecurity: \{.*\},/, answer.trim()))
  const proven = await run(prove)
  for (const line of verdicts.trim().split('\n'))
    assert.match(proven, new RegExp(`^${line.replace(/ +/, ' +')} `, 'm'), `${line}\n${proven}`)

  const answered = await readFile(planFile, 'utf8')
  assert.match(answered, /servers: \{.*\},/)
  await writeFile(planFile, answered.replace(/servers: \{.*\},/, servers.trim()))
  delete process.env['DATABASE_URL']
  const unset = await commandLine(root, ...(atServer ?? '').split(' ').slice(1))
  assert.equal(unset.code, 2)
  assert.match(unset.err, /^MIGRATE_NO_URL: The environment variable DATABASE_URL /)
})
