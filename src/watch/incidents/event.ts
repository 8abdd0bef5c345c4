import { z } from 'zod'

/** Who did something: the alerting itself, or a role that a person named. */
const by = z.string().min(1).max(200)
const text = z.string().min(1).max(10_000)

/** What happened to an incident. What a person typed stays in this file and is in no message. */
export const incidentEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('opened'),
    severity: z.string(),
    title: text,
    /** `alert`, or the role of whoever opened it by hand. */
    by,
    runbook: z.string().optional(),
  }),
  /** An alert began to fire that belongs to it. */
  z.strictObject({ kind: z.literal('alert'), episode: z.string(), alert: z.string(), startedAtMs: z.number() }),
  z.strictObject({ kind: z.literal('alert-ended'), episode: z.string(), endedAtMs: z.number() }),
  z.strictObject({ kind: z.literal('acknowledged'), by }),
  z.strictObject({ kind: z.literal('severity'), severity: z.string(), by }),
  z.strictObject({ kind: z.literal('note'), by, text }),
  z.strictObject({ kind: z.literal('closed'), by }),
])

export type IncidentEvent = z.infer<typeof incidentEventSchema>

/** An event with its moment, milliseconds since the epoch. */
export interface Happened {
  atMs: number
  event: IncidentEvent
}
