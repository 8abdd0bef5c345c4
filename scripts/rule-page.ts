import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { checkReading, checkSystem } from '../src/check/check-system.ts'
import type { Problem, Severity } from '../src/check/rule.ts'
import { rules } from '../src/check/rules.ts'
import { planLoads, stages } from '../src/check/stages.ts'
import { tellProblem } from '../src/cli/tell-problem.ts'
import { parsePlan } from '../src/plan/plan.ts'
import { parsePlanSource } from '../src/project/plan-source.ts'

/*
 * The pages of docs/rules/: prose and two examples by hand, the rest made here. An example is a set of files; beside them
 * stand the few of `surroundings`, so that a page shows only what it is about.
 */

/** Every rule and stage that has a page. */
export const documented: readonly { id: string; severity: Severity; summary: string }[] = [
  ...stages,
  ...rules,
].toSorted((a, b) => (a.id < b.id ? -1 : 1))

export interface ExampleFile {
  name: string
  text: string
}

export interface RulePage {
  fails: ExampleFile[]
  passes: ExampleFile[]
  /** What the failing example prints. */
  prints: string
}

const surroundings: readonly ExampleFile[] = [
  {
    name: 'migrations/20260101000000_orders.sql',
    text: 'CREATE TABLE orders (id bigint PRIMARY KEY, paid boolean);\n',
  },
  { name: 'runbooks/restore.md', text: '# Restore\n' },
]

export const rulesFolder = resolve(import.meta.dirname, '../docs/rules')

export function pageFile(id: string): string {
  return join(rulesFolder, `${id}.md`)
}

export function readRulePage(id: string): RulePage {
  return parseRulePage(readFileSync(pageFile(id), 'utf8'))
}

export function parseRulePage(text: string): RulePage {
  const [before = '', passes = ''] = text.split(/^## Passes$/m)
  const [, fails = ''] = before.split(/^## Fails$/m)
  const printed = /^```text\n([\s\S]*?)```$/m.exec(fails)
  return { fails: files(fails), passes: files(passes), prints: (printed?.[1] ?? '').trimEnd() }
}

function files(section: string): ExampleFile[] {
  return [...section.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', text = '']) => ({ name, text }))
}

/** The page with its summary and the output of its failing example as they are now. */
export async function renewedPage(id: string): Promise<string> {
  const text = readFileSync(pageFile(id), 'utf8')
  const rule = documented.find((each) => each.id === id)
  const prints = (await checkExample(readRulePage(id).fails, id)).printed
  return text
    .replace(
      /^<!-- summary -->\n(?:\n\*\*.*\n)?/m,
      () => `<!-- summary -->\n\n**${rule?.severity ?? ''}** · ${rule?.summary ?? ''}\n`,
    )
    .replace(/^```text\n[\s\S]*?^```$/m, () => `\`\`\`text\n${prints}\n\`\`\``)
}

/** Writes an example into a folder of its own, checks it and takes the folder away again. */
export async function checkExample(
  example: readonly ExampleFile[],
  rule: string,
): Promise<{ problems: Problem[]; printed: string }> {
  const root = await mkdtemp(join(tmpdir(), 'aval-rule-'))
  try {
    await mkdir(join(root, 'node_modules'))
    await symlink(resolve(import.meta.dirname, '..'), join(root, 'node_modules/aval'), 'dir')
    const plan = join(root, example.find(({ name }) => basename(name) === 'plan.ts')?.name ?? 'plan.ts')
    const directory = dirname(plan)
    for (const { name, text } of surroundings) await write(join(directory, name), text)
    for (const { name, text } of example) await write(join(root, name), text)
    const { problems } = await (rule === planLoads.id ? checkWhole(root) : checkInProcess(plan, root))
    return {
      problems,
      printed: stripVTControlCharacters(
        problems.map((problem) => tellProblem(problem, relative(root, problem.where.file))).join('\n\n'),
      ),
    }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

function checkWhole(root: string) {
  return checkSystem({ root, state: join(root, '.aval'), systems: ['shop'] }, 'shop')
}

/** As `checkSystem` does, but for the process of its own: examples are ours, and there are many. */
async function checkInProcess(planFile: string, root: string) {
  const directory = dirname(planFile)
  const module: { default?: unknown } = await import(pathToFileURL(planFile).href)
  const { locate } = parsePlanSource(planFile, readFileSync(planFile, 'utf8'))
  const named = directory !== root
  const name = named ? basename(directory) : 'shop'
  return checkReading({ name, directory, planFile, locate, result: parsePlan(module.default) }, named)
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
