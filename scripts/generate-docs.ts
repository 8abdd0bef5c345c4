import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { catalogue } from '../src/errors.ts'
import { planReference } from './plan-reference.ts'
import { documented, pageFile, renewedPage, rulesFolder } from './rule-page.ts'

/*
 * Writes the documents that are made from the source: `node scripts/generate-docs.ts`. With `--check` it writes nothing and
 * ends with 1 when one of them is not what it would write.
 */

const docs = resolve(import.meta.dirname, '../docs')

/** Every generated document with the text it should have. */
export async function generatedDocuments(): Promise<{ file: string; text: string }[]> {
  const pages = await Promise.all(
    documented.map(async ({ id }) => ({ file: pageFile(id), text: await renewedPage(id) })),
  )
  return [
    { file: join(docs, 'plan.md'), text: planReference() },
    { file: join(docs, 'errors.md'), text: errorReference() },
    { file: join(rulesFolder, 'README.md'), text: ruleIndex() },
    ...pages,
  ]
}

/** Documents whose text is not what the source says. */
export async function outOfDate(): Promise<string[]> {
  const documents = await generatedDocuments()
  return documents
    .filter(({ file, text }) => readText(file) !== text)
    .map(({ file }) => relative(resolve(docs, '..'), file))
}

function errorReference(): string {
  const rows = Object.entries(catalogue)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { says, next, exit }]) => `## ${code}\n\n${inText(says)}\n\n${inText(next)}\n\nExit code ${exit}.`)
  return `# Errors

<!-- Made by scripts/generate-docs.ts from the catalogue in src/errors.ts; edits are lost. -->

Every failure has a code that stays, says what happened and where, and what to do next. *Words in italics* stand for what is
filled in. No message carries a person's data or a secret. Exit code 2: the command line or the choice of project is wrong;
1: anything else.

${rows.join('\n\n')}
`
}

function inText(template: string): string {
  return template.replace(/\{(\w+)\}/g, '*$1*').replace(/<(\w+)>/g, '&lt;$1&gt;')
}

function ruleIndex(): string {
  const rows = documented.map(({ id, severity, summary }) => `| [${id}](${id}.md) | ${severity} | ${summary} |`)
  return `# Rules of \`aval check\`

<!-- Made by scripts/generate-docs.ts from the rules in src/check/; edits are lost. -->

An error means that the plan cannot keep what it promises, a warning that somebody should look; warnings fail nothing. The
examples of the pages stand in a folder that also holds \`migrations/20260101000000_orders.sql\` and \`runbooks/restore.md\`. A test runs
them: the failing one gives exactly the problem of its rule, the passing one none.

| rule | severity | holds |
| --- | --- | --- |
${rows.join('\n')}
`
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const stale = await outOfDate()
    for (const file of stale) process.stderr.write(`${file} is out of date: run node scripts/generate-docs.ts\n`)
    process.exitCode = stale.length > 0 ? 1 : 0
  } else {
    for (const { file, text } of await generatedDocuments()) writeFileSync(file, text)
  }
}
