import { z } from 'zod'
import { parseLsn } from '../wal/lsn.ts'

const lsn = z.string().refine((text) => {
  try {
    parseLsn(text)
    return true
  } catch {
    return false
  }
}, 'a WAL position')

/** What a backup is. Kept as the last object of it, so that a backup whose writing was broken off is none. */
export const backupInfoSchema = z.strictObject({
  format: z.literal(1),
  /** Sorts by time: `20260203T040506Z-1a2b3c4d`. */
  id: z.string().regex(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/),
  label: z.string(),
  /** The name in `recovery.backups` of the rule that took it; absent when it was taken by hand. */
  rule: z.string().optional(),
  /** How long it is kept, milliseconds, where that is its own and not its rule's. */
  keep: z.union([z.literal('forever'), z.number().nonnegative()]).optional(),
  /** Id of the backup it holds the difference to; absent for a full one, which needs no other. */
  parent: z.string().optional(),
  /** Whether the pages of the cluster carry checksums, which what is combined with others is checked by. Absent of a full one where they do. */
  pageChecksums: z.boolean().optional(),
  system: z.string(),
  /** Decimal; larger than a double can hold. */
  systemIdentifier: z.string().regex(/^\d+$/),
  timeline: z.int().positive(),
  startLsn: lsn,
  /** A restored server is whole once it has replayed up to here. */
  stopLsn: lsn,
  /** Milliseconds since the epoch, by the server's clock. No moment before `stoppedAt` can be restored from this backup. */
  startedAt: z.number(),
  stoppedAt: z.number(),
  postgres: z.strictObject({ version: z.string(), major: z.int() }),
  walSegmentBytes: z.int().positive(),
  /** Names of tablespaces beside the default one. This form of recovery refuses to back any up. */
  tablespaces: z.array(z.string()),
  /** Files of the data directory, by the manifest; of an incremental backup many hold changed pages only. */
  files: z.int(),
  databaseBytes: z.number(),
  archives: z.array(z.strictObject({ key: z.string(), bytes: z.number(), storedBytes: z.number() })),
  manifest: z.strictObject({ key: z.string(), storedBytes: z.number(), digest: z.string() }),
})

export type BackupInfo = z.infer<typeof backupInfoSchema>
