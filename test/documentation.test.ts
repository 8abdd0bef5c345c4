import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { runProgram } from '../src/cli/program.ts'
import { systemClock } from '../src/clock.ts'

const root = resolve(import.meta.dirname, '..')
const documents = ['*.md', 'docs/**/*.md', 'systems/*/runbooks/*.md'].flatMap((pattern) =>
  globSync(pattern, { cwd: root }),
)
const textOf = (document: string) => readFileSync(join(root, document), 'utf8')

test('there are documents to look at', () => assert.ok(documents.length > 10))

test('every link to a file of the repository leads somewhere', () => {
  const broken = documents.flatMap((document) =>
    [...textOf(document).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(resolve(root, dirname(document), target)))
      .map((target) => `${document}: ${target}`),
  )
  assert.deepEqual(broken, [])
})

test('every command that a document shows exists, and so do its options', async () => {
  const problems: string[] = []
  for (const document of documents) {
    const blocks = [...textOf(document).matchAll(/```(?:sh|bash|console)\n([\s\S]*?)```/g)].map(
      (block) => block[1] ?? '',
    )
    const lines = blocks
      .flatMap((block) => block.replace(/\\\n\s*/g, ' ').split('\n'))
      .map((line) => line.trim().replace(/^\$ /, ''))
    for (const line of lines.filter((each) => /^(\.\/)?aval\b/.test(each))) {
      const words = line
        .replace(/[|>;&#].*$/, '')
        .trim()
        .split(/\s+/)
        .slice(1)
      const help = await helpOf(words.filter((word) => /^[a-z]+$/.test(word)))
      if (help === undefined) problems.push(`${document}: ${line}`)
      else
        problems.push(
          ...words
            .filter((word) => word.startsWith('--') && !help.includes(word.split('=')[0] ?? word))
            .map((word) => `${document}: ${line} (${word})`),
        )
    }
  }
  assert.deepEqual(problems, [])
})

/** Help of the deepest command that the words name; undefined when the first names none. */
async function helpOf(words: readonly string[]): Promise<string | undefined> {
  if (words.length === 0) return printed(['--help'])
  const first = await printed([words[0] ?? '', '--help'])
  // Without such a command the help is that of the program.
  if (first === undefined || !first.startsWith(`Usage: aval ${words[0]}`)) return undefined
  const second =
    words[1] === undefined || !new RegExp(`^  ${words[1]}\\b`, 'm').test(first)
      ? undefined
      : await printed([words[0] ?? '', words[1], '--help'])
  return second ?? first
}

async function printed(argv: string[]): Promise<string | undefined> {
  let text = ''
  const failed = await runProgram(argv, {
    cwd: root,
    home: root,
    clock: systemClock,
    signal: new AbortController().signal,
    interactive: false,
    exitWith: () => undefined,
    out: (part) => {
      text += part
    },
    err: () => undefined,
  })
  return failed === undefined ? text : undefined
}
