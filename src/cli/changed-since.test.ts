import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, suite, test } from 'node:test'
import { z } from 'zod'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'
import { type Git, gitRepository } from './git-repository.fixture.ts'

/** Nothing drives it, so that a proof costs nothing and says so at once: what is told is what was asked about. */
suite('aval prove --changed', () => {
  let tiny: TinyProject
  let git: Git
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  const changed = async (...argv: string[]): Promise<string[]> => {
    await rm(tiny.project.state, { recursive: true, force: true })
    const { out, err } = await aval('prove', 'tiny', '--json', '--changed', ...argv)
    const evidence = z.array(z.looseObject({ guarantee: z.string() })).parse(JSON.parse(out))
    assert.match(err, /tiny: \d+ promises are about something that changed since /)
    return evidence.map(({ guarantee }) => guarantee)
  }
  const edit = async (file: string, from: string, to: string) => {
    const path = join(tiny.project.root, file)
    const text = await readFile(path, 'utf8')
    assert.ok(text.includes(from))
    await writeFile(path, text.replace(from, to))
  }
  const plan = 'systems/tiny/plan.ts'

  before(async () => {
    const promises = { kept: { claim: 'An item is kept' }, listed: { claim: 'A kept item is listed' } }
    const recovery = { backups: { daily: { schedule: '0 2 * * *', keep: '30d' } } }
    tiny = await tinyProject({ promises }, { recovery })
    await writeFile(join(tiny.project.root, 'package-lock.json'), '{}\n')
    git = await gitRepository(tiny.project.root)
    await git('checkout', '--quiet', '-b', 'work')
  })
  beforeEach(async () => {
    await git('reset', '--quiet', '--hard', 'main')
  })
  after(() => tiny.remove())

  test('is about nothing where nothing changed, and says so by 0', async () => {
    assert.deepEqual(await changed(), [])
    assert.equal((await aval('prove', 'tiny', '--changed')).code, 0)
  })

  test('is about promises of the part of the plan that changed, and no other', async () => {
    await edit(plan, '30d', '40d')
    const kinds = new Set((await changed('main')).map((id) => id.split('/')[0]))
    assert.ok(kinds.has('integrity'))
    assert.ok(!kinds.has('behaviour'))
  })

  test('is about one that is new, before it is committed and after', async () => {
    await edit(plan, '"kept": {', '"counted": { "claim": "Items are counted" }, "kept": {')
    assert.ok((await changed('main')).includes('behaviour/keeper/counted'))
    await git('commit', '--quiet', '--all', '--message', 'Count items')
    assert.ok((await changed('main')).includes('behaviour/keeper/counted'))
    assert.deepEqual(await changed('HEAD'), [])
  })

  test('is about all that rest on files which changed, or on packages', async () => {
    await edit('systems/tiny/keeper.mjs', 'import', '// Kept well.\nimport')
    const byService = await changed()
    assert.deepEqual(
      byService.filter((id) => id.startsWith('behaviour')),
      ['behaviour/keeper/kept', 'behaviour/keeper/listed'],
    )
    await git('reset', '--quiet', '--hard', 'main')
    await edit('package-lock.json', '{}', '{ "lockfileVersion": 3 }')
    assert.deepEqual((await changed()).toSorted(), byService.toSorted())
  })

  test('compares with where the work branched off, not with what the branch became', async () => {
    await git('checkout', '--quiet', 'main')
    await edit('systems/tiny/keeper.mjs', 'import', '// Kept better.\nimport')
    await git('commit', '--quiet', '--all', '--message', 'Keep them better')
    await git('checkout', '--quiet', 'work')
    assert.deepEqual(await changed('main'), [])
    await git('branch', '--quiet', '--force', 'main', 'HEAD')
  })

  test('writes nothing to the repository', async () => {
    const before = await git('status', '--porcelain', '--ignored')
    const index = await readFile(join(tiny.project.root, '.git', 'index'))
    await aval('prove', 'tiny', '--changed')
    assert.equal(await git('status', '--porcelain', '--ignored'), before)
    assert.deepEqual(await readFile(join(tiny.project.root, '.git', 'index')), index)
    assert.equal((await git('worktree', 'list')).trim().split('\n').length, 1)
  })

  test('refuses what is no commit, and a folder that is no repository', async () => {
    const unknown = await aval('prove', 'tiny', '--changed', 'nowhere')
    assert.equal(unknown.code, 2)
    assert.match(unknown.err, /^BASE_UNKNOWN: What has changed since nowhere cannot be told: .*nowhere/)
    const option = await aval('prove', 'tiny', '--changed', '--output=x')
    assert.equal(option.code, 2)
    await using other = { ...(await tinyProject()), [Symbol.asyncDispose]: () => other.remove() }
    const none = await commandLine(other.directory, 'prove', 'tiny', '--changed')
    assert.equal(none.code, 2)
    assert.match(none.err, /^BASE_UNKNOWN: /)
  })

  test('tells it to other tools by places from the root of the repository', async () => {
    await edit(plan, 'A kept item is listed', 'A kept item is listed first')
    const { out, code } = await aval('prove', 'tiny', '--changed', 'main', '--format', 'github')
    assert.equal(code, 3)
    assert.match(
      out,
      /^::warning file=systems\/tiny\/plan\.ts,line=\d+,col=\d+,title=tiny%3A behaviour\/keeper\/kept inconclusive::An item is kept%0A/,
    )
    assert.equal((await aval('prove', 'tiny', '--format', 'sarif', '--json')).code, 2)
    assert.equal((await aval('prove', 'tiny', '--format', 'xml')).code, 2)
  })
})
