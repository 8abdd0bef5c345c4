import type { Location } from '../errors.ts'
import type { Plan, PlanPath } from '../plan/plan.ts'
import type { PlanPart } from '../project/project.ts'
import type { Requirement } from '../project/requirement.ts'
import type { SystemFolder } from './system-folder.ts'

/** `error`: the plan cannot keep what it promises. `warning`: it can, but somebody should look. Warnings fail nothing. */
export type Severity = 'error' | 'warning'

/** What a rule judges: one plan that has its shape, and the folder it stands in. */
export interface CheckContext {
  /** Name the project knows the system by. */
  name: string
  /** Whether the name is that of a folder of systems/, which the plan must repeat. */
  named: boolean
  plan: Plan
  requirements: readonly Requirement[]
  folder: SystemFolder
}

/** One thing a rule found. */
export interface Finding {
  path: PlanPath
  /** Point at the name of the entry rather than at its value. */
  part?: PlanPart
  /** What is wrong. */
  message: string
  /** What to write instead. */
  fix: string
}

export interface Rule {
  /** Name of its page in docs/rules/. */
  id: string
  severity: Severity
  /** What holds when the rule is content, in one sentence. */
  summary: string
  check(context: CheckContext): Finding[]
}

/** A finding with its rule and its place. */
export interface Problem {
  system: string
  rule: string
  severity: Severity
  message: string
  fix: string
  path: PlanPath
  where: Location
}
