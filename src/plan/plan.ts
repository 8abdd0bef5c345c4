import { z } from 'zod'
import { alerts } from './alerts.ts'
import { citation } from './citation.ts'
import { database } from './database.ts'
import { incidents, runbooks } from './incidents.ts'
import { limits } from './limits.ts'
import { type Field, fieldsOf } from './plan-fields.ts'
import { type PlanProblem, planProblems } from './plan-problem.ts'
import { probes } from './probes.ts'
import { recovery } from './recovery.ts'
import { services } from './services.ts'
import { spend } from './spend.ts'
import { type AllowList, type ListedMetrics, telemetry } from './telemetry.ts'

/** The language. Input is what people write; output has every unit a number and every default in place. */
const planSchema = z.strictObject({
  system: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'lower case letters, digits and "-"')
    .describe('Name of the system; equal to its folder.'),
  title: z.string().optional().describe('What people call the system.'),
  documents: z
    .record(z.string(), z.string())
    .default({})
    .describe('Code and title of each document that `source` cites.'),
  exercise: z
    .string()
    .describe(
      "Module that drives the system for the provers, relative to the plan; 'aval:rows' for clients that write rows of their own by SQL.",
    )
    .optional(),
  requirements: z.string().default('./requirements.yaml').describe('The requirements file, relative to the plan.'),
  services,
  database: database.optional().describe('The database of the system: Postgres.'),
  recovery: recovery
    .prefault({})
    .describe('What may be lost and for how long, the backups that make it so, and how it is rehearsed.'),
  telemetry: telemetry.prefault({}).describe('What may leave the system. Anything that is not listed does not.'),
  alerts,
  probes,
  limits,
  spend,
  incidents: incidents
    .prefault({})
    .describe('Who is told, how grave it is, who is told next, and what is written afterwards.'),
  runbooks,
  note: citation.note,
})

/** A plan as its owner writes it. */
export type PlanInput = z.input<typeof planSchema>
/** A plan with every unit a number and every default filled in. */
export type Plan = z.output<typeof planSchema>

/** A plan whose metrics have no names but their own: in `PlanInput` they may have any. */
type KeptPlan<Metrics, List> = Omit<PlanInput, 'telemetry'> & {
  telemetry?:
    | (Omit<NonNullable<PlanInput['telemetry']>, 'metrics'> & { metrics?: Metrics | undefined } & List)
    | undefined
}

/**
 * Declares a plan. The value is returned unchanged: the editor completes it and the compiler checks its shape; `aval check`
 * checks its sense. What the telemetry section lists is kept by name, so that a service that emits anything else does not compile.
 *
 * @example
 * export default definePlan({ system: 'shop', database: { version: '16', size: '2GB', migrations: { layout: 'supabase', directory: 'migrations' } } })
 */
export function definePlan<
  const Metrics extends ListedMetrics = ListedMetrics,
  const Labels extends string = string,
  const Events extends string = string,
  const Fields extends string = string,
  const Spans extends string = string,
  const Attributes extends string = string,
>(
  plan: PlanInput & { telemetry?: AllowList<Metrics, Labels, Events, Fields, Spans, Attributes> | undefined },
): KeptPlan<Metrics, AllowList<Metrics, Labels, Events, Fields, Spans, Attributes>> {
  return plan
}

export type { PlanPath, PlanProblem } from './plan-problem.ts'

let language: Field | undefined

/** The language as its writer sees it; made from the schema at the first question. */
export function planLanguage(): Field {
  language ??= fieldsOf(planSchema)
  return language
}

/** Parses what a plan module exported. Every problem is reported, not only the first. */
export function parsePlan(value: unknown): { plan: Plan } | { problems: PlanProblem[] } {
  const result = planSchema.safeParse(value, { reportInput: true })
  if (result.success) return { plan: deepFreeze(result.data) }
  return { problems: planProblems(result.error.issues, planLanguage) }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const nested of Object.values(value)) deepFreeze(nested)
  }
  return value
}
