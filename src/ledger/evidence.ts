import { z } from 'zod'

const step = z.strictObject({
  name: z.string(),
  outcome: z.enum(['done', 'failed', 'skipped']),
  tookMs: z.number(),
  detail: z.string().optional(),
  /** Of a step of a procedure: when it began, the command a person types for it, and how long it may take. */
  startedAt: z.string().optional(),
  command: z.string().optional(),
  withinMs: z.number().optional(),
})

/** What one proof found. Parsed again whenever it is read back: the file of the ledger is an input like any other. */
export const evidenceSchema = z.strictObject({
  id: z.string(),
  guarantee: z.string(),
  system: z.string(),
  verdict: z.enum(['proven', 'refuted', 'inconclusive']),
  measured: z.number().nullable(),
  unit: z.enum(['ms', 'bytes', 'ratio', 'count', 'per-second', 'violations']),
  /** How many observations the measurement rests on, and of what. */
  sample: z.strictObject({ size: z.int(), of: z.string() }),
  /** Size of what was measured beside the size the plan declares; null where size plays no part. */
  scale: z.strictObject({ measuredBytes: z.number(), declaredBytes: z.number() }).nullable(),
  environment: z.record(z.string(), z.string()),
  steps: z.array(step),
  /** Why the verdict is what it is, in one sentence. */
  reason: z.string(),
  /** What to do when it is not `proven`. */
  remedy: z.string().nullable(),
  seed: z.int(),
  /** SHA-256 of the normalised plan. */
  planDigest: z.string(),
  /** SHA-256 over what the verdict depends on; when it changes the evidence is stale. */
  subjectDigest: z.string(),
  commit: z.string().nullable(),
  startedAt: z.string(),
  tookMs: z.number(),
})

export type Evidence = z.infer<typeof evidenceSchema>
export type EvidenceStep = z.infer<typeof step>

/** Whether evidence is from a bounded run, such as `prove --fast`: smaller than what was promised or is usual. */
export function isBounded({ environment }: Pick<Evidence, 'environment'>): boolean {
  return environment['effort'] === 'fast'
}

/** What is known of a guarantee now. Never `proven` without evidence that is fresh and about the present subject. */
export type Verdict = Evidence['verdict'] | 'unproven' | 'stale'
