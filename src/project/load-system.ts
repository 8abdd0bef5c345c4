import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { failure, type Location } from '../errors.ts'
import { digestOf } from '../plan/canonical-json.ts'
import { type Plan, type PlanProblem, parsePlan } from '../plan/plan.ts'
import { systemDirectory } from './find-project.ts'
import { knownSystem } from './known-system.ts'
import { parsePlanSource } from './plan-source.ts'
import type { Locate, Project, System } from './project.ts'
import { runPlan } from './run-plan.ts'

/** A plan as far as it could be read: parsed, or with everything that is wrong with its shape. */
export interface PlanReading {
  name: string
  directory: string
  planFile: string
  locate: Locate
  result: { plan: Plan } | { problems: PlanProblem[] }
}

/**
 * Reads the plan of a system without judging its shape.
 * @throws SYSTEM_NOT_FOUND, and what `runPlan` throws.
 */
export async function readPlan(project: Project, name: string): Promise<PlanReading> {
  knownSystem(project, name)
  const directory = systemDirectory(project, name)
  const planFile = join(directory, 'plan.ts')
  if (!existsSync(planFile)) throw failure('PLAN_MISSING', { name })
  const value = await runPlan(planFile)
  return {
    name,
    directory,
    planFile,
    locate: locator(planFile, await readFile(planFile, 'utf8')),
    result: parsePlan(value),
  }
}

/**
 * Loads a system: its plan run in a process of its own, parsed and frozen.
 * @throws SYSTEM_NOT_FOUND, PLAN_INVALID with every problem of its shape, and what `runPlan` throws.
 */
export async function loadSystem(project: Project, name: string): Promise<System> {
  const { result, ...reading } = await readPlan(project, name)
  if ('problems' in result) {
    const places = result.problems.map((problem) => ({ problem, where: placeOf(problem, reading.locate) }))
    const lines = places.map(
      ({ problem, where }) => `\n  ${where.line ?? '?'}:${where.column ?? '?'} ${describe(problem)}`,
    )
    const count = lines.length === 1 ? 'one thing' : `${lines.length} things`
    const first = places[0]?.where
    throw failure('PLAN_INVALID', { name, count, problems: lines.join('') }, first ? { where: first } : {})
  }
  return { ...reading, plan: result.plan, planDigest: digestOf(result.plan) }
}

/** Where a problem of shape is shown: an entry that should not be there by its name, any other by its value. */
export function placeOf(problem: PlanProblem, locate: Locate): Location {
  return locate(problem.path, problem.part)
}

function describe(problem: PlanProblem): string {
  const at = problem.path.length > 0 ? `${problem.path.join('.')}: ` : ''
  return `${at}${problem.message} ${problem.fix}`
}

/** The text is parsed at the first question, since most plans are loaded to be run and are never asked. */
function locator(file: string, text: string): Locate {
  let locate: Locate | undefined
  return (path, part) => {
    locate ??= parsedLocator(file, text)
    return locate(path, part)
  }
}

function parsedLocator(file: string, text: string): Locate {
  try {
    return parsePlanSource(file, text).locate
  } catch {
    // Node took the text in; what our parser cannot follow costs the place within the file, not the plan.
    return () => ({ file })
  }
}
