import { relative } from 'node:path'
import { type Adoption, adopt, writePlan } from '../adopt/adopt.ts'
import { questionsOf } from '../adopt/questions.ts'
import { tenantColumns } from '../adopt/read-schema.ts'
import { printJson, type RegisterCommand } from './command.ts'

interface InitFlags {
  migrations?: string
  json?: true
}

export const registerInit: RegisterCommand = (program, context) => {
  program
    .command('init')
    .argument('[name]', 'name of the system; that of package.json or of the folder unless told')
    .description(
      'Writes the first plan of the repository you stand in, with a question at each thing that the repository does not tell.',
    )
    .option('--migrations <folder>', 'the folder of the migrations, where it is not found or several are')
    .option('--json', 'prints what was written and asked as one JSON array')
    .addHelpText(
      'after',
      `
Example:
  aval init
  aval init shop --migrations services/shop/db

It reads, and executes nothing of the repository; it connects to nothing; it writes systems/<name>/plan.ts and .aval/.gitignore, and
nothing that is there already is changed.

plan.ts is code: every command about the system executes it, in a process that may read files and nothing more.

Exit codes: 0 a plan was written, 2 there is one already, or no migrations that Postgres can read.`,
    )
    .action(async (name: string | undefined, flags: InitFlags) => {
      const adoption = await adopt(context.cwd, name, flags.migrations)
      const files = await writePlan(context.cwd, adoption)
      const shown = files.map((file) => relative(context.cwd, file))
      const questions = questionsOf(adoption.text)
      if (flags.json) printJson(context, [{ system: adoption.findings.name, files: shown, questions }])
      else context.out(summary(adoption, shown, questions))
    })
}

function summary({ findings }: Adoption, files: readonly string[], questions: ReturnType<typeof questionsOf>): string {
  const { name, migrations, schema } = findings
  const { layout, directory, broken, leftOut } = migrations
  const plan = files[0] ?? ''
  const promised = ['migration', ...(tenantColumns(schema).length === 0 ? [] : ['isolation']), 'recovery', 'integrity']
  const count = migrations.files.length + broken.length
  return [
    `${name}: ${count} ${count === 1 ? 'migration' : 'migrations'} of ${layoutNames[layout]} in ${directory}.`,
    ...broken.map(({ migration, problem }) => `  ${migration.name}:${problem}`),
    ...[...leftOut].map(([id, why]) => `  ${id} is left out: ${why}`),
    '',
    `Written: ${files.join(', ')}`,
    '',
    `Questions, which only you can answer:`,
    ...questions.map(({ line, question }) => `  ${plan}:${line}  ${question}`),
    '',
    'plan.ts is code: every command of Aval about this system executes it. Read it first.',
    '',
    'Then:',
    `  aval check ${name}`,
    `  aval prove ${name} --only ${promised.join(',')} --fast`,
    '',
  ].join('\n')
}

const layoutNames = { supabase: 'Supabase', prisma: 'Prisma', drizzle: 'Drizzle', sql: 'plain SQL' } as const
