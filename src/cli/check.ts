import { relative } from 'node:path'
import { checkSystem } from '../check/check-system.ts'
import type { Problem } from '../check/rule.ts'
import { rules } from '../check/rules.ts'
import { findProject } from '../project/find-project.ts'
import { chooseSystems } from './choose-systems.ts'
import { printJson, type RegisterCommand } from './command.ts'
import { tellProblem } from './tell-problem.ts'

interface CheckFlags {
  all?: true
  json?: true
  resolved?: true
}

export const registerCheck: RegisterCommand = (program, context) => {
  program
    .command('check')
    .argument('[system]', 'name of the system')
    .description(
      'Says everything that is wrong with a plan and the files it names: where, why, and what to write instead.',
    )
    .option('--all', 'every system of the project')
    .option('--json', 'prints the problems as one JSON array; with --resolved, the plans')
    .option('--resolved', 'prints the plan with every default filled in and every unit a number')
    .addHelpText(
      'after',
      `
Example:
  aval check medtime

Each problem names its rule; docs/rules/ has a page for each, with an example that passes and one that fails.

Exit codes:
  0  nothing is wrong; warnings may be shown
  1  at least one plan has a problem
  2  the command line is wrong`,
    )
    .action(async (name: string | undefined, flags: CheckFlags) => {
      const project = await findProject(context.cwd, context.home)
      const systems = chooseSystems(project, name, flags.all === true, 'check')
      const results = []
      for (const system of systems) results.push({ system, ...(await checkSystem(project, system)) })
      const problems = results.flatMap((result) => result.problems)
      if (problems.some(({ severity }) => severity === 'error')) context.exitWith(1)

      const place = (problem: Problem) => relative(context.cwd, problem.where.file) || problem.where.file
      if (flags.resolved) {
        const plans = results.flatMap(({ plan }) => (plan ? [plan] : []))
        context.err(problems.map((problem) => `${tellProblem(problem, place(problem))}\n\n`).join(''))
        if (flags.json) printJson(context, plans)
        else context.out(plans.map((plan) => `${JSON.stringify(plan, null, 2)}\n`).join(''))
      } else if (flags.json) {
        printJson(
          context,
          problems.map(({ where, ...problem }) => ({ ...problem, ...where })),
        )
      } else {
        for (const result of results) {
          context.out(result.problems.map((problem) => `${tellProblem(problem, place(problem))}\n\n`).join(''))
          context.out(`${summary(result.system, result.problems)}\n`)
        }
      }
    })
}

function summary(system: string, problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const warnings = problems.length - errors
  if (problems.length === 0) return `${system}: nothing wrong by ${rules.length} rules.`
  const counted = [counts(errors, 'error'), counts(warnings, 'warning')].filter((text) => text !== '')
  return `${system}: ${counted.join(', ')}.`
}

function counts(count: number, what: string): string {
  if (count === 0) return ''
  return count === 1 ? `1 ${what}` : `${count} ${what}s`
}
