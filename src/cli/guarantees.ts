import { idBegins } from '../plan/guarantee.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { formatTarget } from '../prove/report/figures.ts'
import { chooseSystems } from './choose-systems.ts'
import { printJson, type RegisterCommand, usage } from './command.ts'
import { currentVerdicts, type JudgedGuarantee } from './current-verdicts.ts'
import { parsePrefixes, unknownPrefix } from './id-prefixes.ts'
import { table } from './layout.ts'
import { styleVerdict, tally } from './verdict-style.ts'

interface GuaranteesFlags {
  all?: true
  only: string[]
  json?: true
}

export const registerGuarantees: RegisterCommand = (program, context) => {
  program
    .command('guarantees')
    .argument('[system]', 'name of the system')
    .description('Lists every promise of a plan with its target and its present verdict.')
    .option('--all', 'every system of the project')
    .option(
      '--only <prefixes>',
      'only guarantees whose id starts with it, such as recovery or behaviour/api; several with commas between',
      parsePrefixes,
      [],
    )
    .option('--json', 'prints one JSON array of guarantees, each with its verdict')
    .addHelpText(
      'after',
      `
Example:
  aval guarantees medtime --only recovery

Exit codes:
  0  listed
  1  a plan or the ledger cannot be read
  2  the command line is wrong`,
    )
    .action(async (name: string | undefined, flags: GuaranteesFlags) => {
      const project = await findProject(context.cwd, context.home)
      const listed: JudgedGuarantee[] = []
      const promised: string[] = []
      for (const each of chooseSystems(project, name, flags.all === true, 'guarantees')) {
        const system = await loadSystem(project, each)
        const judged = await currentVerdicts(project, system, context)
        promised.push(...judged.map(({ id }) => id))
        const chosen = judged.filter(({ id }) => idBegins(id, flags.only))
        listed.push(...chosen)
        if (!flags.json) {
          const counted = tally(chosen.map(({ verdict }) => verdict)) || 'no promise'
          context.out(`${system.plan.title ?? each}\n${guaranteeTable(chosen)}\n${counted}.\n\n`)
        }
      }
      const unknown = unknownPrefix(flags.only, promised)
      if (unknown !== undefined) throw usage('guarantees', `No promise begins with "${unknown}".`)
      if (flags.json) printJson(context, listed)
    })
}

const provedBy: Record<JudgedGuarantee['prover'], string> = {
  daily: 'prove',
  thorough: 'prove --thorough',
  none: 'no prover yet',
}

function guaranteeTable(guarantees: readonly JudgedGuarantee[]): string {
  return table(
    [
      {
        title: 'verdict',
        text: ({ verdict, bounded }) => (bounded ? `${verdict} (fast)` : verdict),
        style: (text, { verdict }) => styleVerdict(text, verdict),
      },
      { title: 'proved by', text: ({ prover }) => provedBy[prover] },
      { title: 'target', text: ({ target }) => formatTarget(target) },
      { title: 'guarantee and claim', text: ({ id, claim }) => `${id}\n  ${claim}`, fills: true },
    ],
    guarantees,
  )
}
