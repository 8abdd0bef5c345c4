import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parseXml } from '@rgrove/parse-xml'
import { parse } from 'yaml'
import { z } from 'zod'
import { commandLine } from '../src/cli/command-line.fixture.ts'
import { gitRepository } from '../src/cli/git-repository.fixture.ts'
import { tinyProject } from '../src/run/tiny-system.fixture.ts'

const page = readFileSync(resolve(import.meta.dirname, '../docs/ci.md'), 'utf8')
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) => text)

const workflowSchema = z.object({
  jobs: z.object({ prove: z.object({ steps: z.array(z.looseObject({ run: z.string().optional() })) }) }),
})

test('every command of the page does in a repository what the page says', async () => {
  const [text = ''] = blocks('yaml')
  const { steps } = workflowSchema.parse(parse(text)).jobs.prove
  const lines = [...steps.flatMap(({ run }) => run ?? []), ...blocks('sh').flatMap((block) => block.trim().split('\n'))]
  const commands = lines.flatMap((line) =>
    /^(?:npx )?aval ([^>]*)(?:> .*)?$/.exec(line)?.[1]?.trim().split(/\s+/) ? [line] : [],
  )
  assert.deepEqual(
    lines.filter((line) => !commands.includes(line)),
    ['npm ci'],
  )

  const tiny = await tinyProject({ promises: { kept: { claim: 'An item is kept' } } })
  try {
    const git = await gitRepository(tiny.project.root)
    await git('update-ref', 'refs/remotes/origin/main', 'HEAD')
    await writeFile(join(tiny.directory, 'more.ts'), 'export const more = 1\n')
    for (const line of commands) {
      const words = line
        .replace(/^(npx )?aval /, '')
        .replace(/>.*$/, '')
        .trim()
        .split(/\s+/)
      const { code, out, err } = await commandLine(tiny.project.root, ...words)
      const checks = words[0] === 'check'
      // Nothing drives this system, which is no pass.
      assert.equal(code, checks ? 0 : 3, `${line}\n${out}${err}`)
      if (line.includes('sarif')) assert.match(JSON.stringify(JSON.parse(out)), /behaviour\/keeper\/kept/)
      if (line.includes('junit')) assert.match(JSON.stringify(parseXml(out)), /behaviour\/keeper\/kept/)
    }
  } finally {
    await tiny.remove()
  }
})
