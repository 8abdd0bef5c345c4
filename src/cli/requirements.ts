import type { Verdict } from '../ledger/evidence.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { loadRequirements, type Requirement } from '../project/requirement.ts'
import { chooseSystems } from './choose-systems.ts'
import { printJson, type RegisterCommand } from './command.ts'
import { currentVerdicts, type JudgedGuarantee } from './current-verdicts.ts'
import { table } from './layout.ts'
import { styleVerdict, tally } from './verdict-style.ts'

interface RequirementsFlags {
  all?: true
  json?: true
}

/** A requirement with the guarantees that cite it and the worst of their verdicts. */
interface CoveredRequirement extends Requirement {
  coveredBy: string[]
  verdict: Verdict
}

export const registerRequirements: RegisterCommand = (program, context) => {
  program
    .command('requirements')
    .argument('[system]', 'name of the system')
    .description('Lists what a system must do, the guarantees that cover it, and the worst of their verdicts.')
    .option('--all', 'every system of the project')
    .option('--json', 'prints one JSON array of { id, statement, source, coveredBy, verdict }')
    .addHelpText(
      'after',
      `
Example:
  aval requirements medtime

A requirement that no guarantee cites is unproven: only evidence in the ledger covers anything.

Exit codes:
  0  listed
  1  a plan, the requirements file or the ledger cannot be read
  2  the command line is wrong`,
    )
    .action(async (name: string | undefined, flags: RequirementsFlags) => {
      const project = await findProject(context.cwd, context.home)
      const listed: CoveredRequirement[] = []
      for (const each of chooseSystems(project, name, flags.all === true, 'requirements')) {
        const system = await loadSystem(project, each)
        const requirements = await loadRequirements(system)
        const covered = coverage(requirements, await currentVerdicts(project, system, context))
        listed.push(...covered)
        if (!flags.json) {
          const counted = tally(covered.map(({ verdict }) => verdict)) || 'no requirement'
          const bare = covered.filter(({ coveredBy }) => coveredBy.length === 0).length
          context.out(
            `${system.plan.title ?? each}\n${requirementTable(covered)}\n${counted}; ${bare} are cited by no guarantee.\n\n`,
          )
        }
      }
      if (flags.json) printJson(context, listed)
    })
}

/** From the worst: the first of these among the verdicts of its guarantees is that of a requirement. */
const fromTheWorst: readonly Verdict[] = ['refuted', 'inconclusive', 'stale', 'unproven', 'proven']

/** The verdict of what several guarantees cover together; without any it is unproven. */
export function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  return fromTheWorst.find((verdict) => verdicts.includes(verdict)) ?? 'unproven'
}

function coverage(requirements: readonly Requirement[], guarantees: readonly JudgedGuarantee[]): CoveredRequirement[] {
  return requirements.map((requirement) => {
    const covering = guarantees.filter((guarantee) => guarantee.requirements.includes(requirement.id))
    return {
      ...requirement,
      coveredBy: covering.map(({ id }) => id),
      verdict: worstVerdict(covering.map(({ verdict }) => verdict)),
    }
  })
}

function requirementTable(requirements: readonly CoveredRequirement[]): string {
  return table(
    [
      { title: 'id', text: ({ id }) => id },
      { title: 'verdict', text: ({ verdict }) => verdict, style: (text, { verdict }) => styleVerdict(text, verdict) },
      { title: 'covered by', text: ({ coveredBy }) => String(coveredBy.length) },
      { title: 'statement', text: ({ statement }) => statement, fills: true },
    ],
    requirements,
  )
}
