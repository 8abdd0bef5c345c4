import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { loadModule } from 'libpg-query'
import { AvalError, type Location } from '../errors.ts'
import type { Plan } from '../plan/plan.ts'
import { type PlanReading, placeOf, readPlan } from '../project/load-system.ts'
import type { Project } from '../project/project.ts'
import { type Requirement, readRequirements } from '../project/requirement.ts'
import type { CheckContext, Problem } from './rule.ts'
import { rules } from './rules.ts'
import { planLoads, planShape, requirementsFile } from './stages.ts'
import { systemFolder } from './system-folder.ts'

export interface CheckResult {
  problems: Problem[]
  /** The plan, when its shape could be read. */
  plan: Plan | undefined
}

/**
 * Everything that is wrong with one system, in the order of its files. A plan that cannot be loaded or has not its shape
 * reports that alone, since no rule can judge it yet.
 *
 * @throws SYSTEM_NOT_FOUND
 */
export async function checkSystem(project: Project, name: string): Promise<CheckResult> {
  let reading: PlanReading
  try {
    reading = await readPlan(project, name)
  } catch (error) {
    if (!(error instanceof AvalError) || error.code === 'SYSTEM_NOT_FOUND') throw error
    const where = error.where ?? { file: join(project.root, 'plan.ts') }
    return { problems: [ofFailure(planLoads.id, name, error, where)], plan: undefined }
  }
  const several = existsSync(join(project.root, 'systems', name, 'plan.ts'))
  return checkReading(reading, several)
}

/** As `checkSystem`, for a plan that was already read. */
export async function checkReading(reading: PlanReading, named: boolean): Promise<CheckResult> {
  const { name, directory, locate, result } = reading
  if ('problems' in result) {
    const problems = result.problems.map((problem) => ({
      system: name,
      rule: planShape.id,
      severity: planShape.severity,
      message: problem.path.length > 0 ? `${problem.path.join('.')}: ${problem.message}` : problem.message,
      fix: problem.fix,
      path: problem.path,
      where: placeOf(problem, locate),
    }))
    return { problems: inOrder(problems), plan: undefined }
  }
  const { plan } = result
  const file = await requirementsOf(reading, plan)
  await loadModule()
  const context: CheckContext = {
    name,
    named,
    plan,
    requirements: file.requirements,
    folder: systemFolder(directory),
  }
  const found = rules.flatMap((rule) =>
    rule.check(context).map(({ path, part, message, fix }) => ({
      system: name,
      rule: rule.id,
      severity: rule.severity,
      message,
      fix,
      path,
      where: locate(path, part),
    })),
  )
  return { problems: inOrder([...file.problems, ...found]), plan }
}

async function requirementsOf(
  { name, directory }: PlanReading,
  plan: Plan,
): Promise<{ requirements: Requirement[]; problems: Problem[] }> {
  try {
    const { requirements, problems } = await readRequirements({ name, directory, plan })
    return {
      requirements,
      problems: problems.map(({ message, where }) => ({
        system: name,
        rule: requirementsFile.id,
        severity: requirementsFile.severity,
        message,
        fix: 'Each entry has `id`, `statement` and `source`, and each id stands once.',
        path: ['requirements'],
        where,
      })),
    }
  } catch (error) {
    if (!(error instanceof AvalError)) throw error
    const problem = ofFailure(requirementsFile.id, name, error, error.where ?? { file: plan.requirements })
    return { requirements: [], problems: [problem] }
  }
}

function ofFailure(rule: string, system: string, error: AvalError, where: Location): Problem {
  return { system, rule, severity: 'error', message: error.message, fix: error.next, path: [], where }
}

function inOrder(problems: readonly Problem[]): Problem[] {
  const place = ({ where }: Problem) => [where.line ?? 0, where.column ?? 0] as const
  return problems.toSorted((a, b) => {
    if (a.where.file !== b.where.file) return a.where.file < b.where.file ? -1 : 1
    const [lineA, columnA] = place(a)
    const [lineB, columnB] = place(b)
    return lineA - lineB || columnA - columnB || (a.rule < b.rule ? -1 : 1)
  })
}
