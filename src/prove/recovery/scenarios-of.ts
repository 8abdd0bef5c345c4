import type { Plan } from '../../plan/plan.ts'
import type { Procedure } from '../../plan/recovery.ts'
import type { FaultName } from '../../plan/scenario.ts'

/** A procedure that a proof can carry out, with its name in the plan. */
export interface Scenario {
  name: string
  procedure: Procedure & { fault: FaultName }
}

/** Every procedure of a plan that names its fault, in the plan's order. */
export function scenariosOf(plan: Plan): Scenario[] {
  return Object.entries(plan.recovery.procedures).flatMap(([name, procedure]) =>
    procedure.fault === undefined ? [] : [{ name, procedure: { ...procedure, fault: procedure.fault } }],
  )
}

/**
 * The scenario that answers what a plan promises about a fault: the plan's own, else the shortest one that there is. An objective is
 * worth measuring whether or not its plan says by which steps.
 */
export function scenarioFor(plan: Plan, fault: 'server-lost' | 'moment-passed'): Scenario {
  const own = scenariosOf(plan).find(({ procedure }) => procedure.fault === fault)
  if (own) return own
  const steps = [
    ...(fault === 'moment-passed' ? [{ does: 'Find the moment.', action: 'find-moment' } as const] : []),
    { does: 'Restore.', action: 'restore' } as const,
    { does: 'Start the services on it.', action: 'start-services' } as const,
    { does: 'Ask the application.', action: 'check-health' } as const,
  ]
  const procedure = { fault, trigger: [], steps, success: [], within: Number.MAX_SAFE_INTEGER, requirements: [] }
  return { name: fault, procedure }
}
