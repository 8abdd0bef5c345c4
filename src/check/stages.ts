import type { Severity } from './rule.ts'

/** What is judged before any rule can look at the plan; each has its page in docs/rules/ as a rule has. */
interface Stage {
  id: string
  severity: Severity
  summary: string
}

export const planLoads: Stage = {
  id: 'plan-loads',
  severity: 'error',
  summary: 'plan.ts can be run on its own and exports plain data.',
}

export const planShape: Stage = {
  id: 'plan-shape',
  severity: 'error',
  summary: 'Every entry of the plan is one the language has, and holds what belongs there.',
}

export const requirementsFile: Stage = {
  id: 'requirements-file',
  severity: 'error',
  summary: 'The requirements file is there and is a list of requirements, each id once.',
}

export const stages: readonly Stage[] = [planLoads, planShape, requirementsFile]
