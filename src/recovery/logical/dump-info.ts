import { z } from 'zod'

/** What a dump is. Kept as the last object of it, so that one whose writing was broken off is none. */
export const dumpInfoSchema = z.strictObject({
  format: z.literal(1),
  /** Sorts by time: `20260203T040506Z-1a2b3c4d`. */
  id: z.string().regex(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/),
  label: z.string(),
  /** The name in `recovery.backups` of the rule that took it; absent when it was taken by hand. */
  rule: z.string().optional(),
  /** How long it is kept, milliseconds, where that is its own and not its rule's. */
  keep: z.union([z.literal('forever'), z.number()]).optional(),
  system: z.string(),
  /** Milliseconds since the epoch, by the server's clock. */
  startedAt: z.number(),
  /** Every transaction that had committed by then is in it. */
  holdsAllUntil: z.number(),
  /** No transaction that committed after is. Each database has a snapshot of its own, and all were taken in between. */
  holdsNoneAfter: z.number(),
  stoppedAt: z.number(),
  postgres: z.strictObject({ version: z.string(), major: z.int() }),
  /** Version of pg_dump; pg_restore must be as new. */
  tools: z.strictObject({ version: z.string(), major: z.int() }),
  databases: z.array(z.strictObject({ name: z.string(), tables: z.int(), rows: z.number() })),
  files: z.int(),
  /** Of the dump's files, uncompressed. */
  dumpBytes: z.number(),
  /** What its objects take in the store. */
  storedBytes: z.number(),
  manifest: z.strictObject({ key: z.string(), digest: z.string() }),
})

export type DumpInfo = z.infer<typeof dumpInfoSchema>
