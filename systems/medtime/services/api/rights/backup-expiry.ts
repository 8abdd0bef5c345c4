import { z } from 'zod'
import plan from '../../../plan.ts'

const dayMs = 86_400_000
const keep = z
  .string()
  .regex(/^\d+d$/)
  .transform((text) => Number.parseInt(text, 10))
const rules = z.record(z.string(), z.object({ of: z.string().optional(), keep: z.unknown() }))

/** Days after which no backup of the database is older than it: the longest that the plan keeps one. */
export const backupDays: number = Object.values(rules.parse(plan.recovery?.backups)).reduce(
  (most, rule) => (rule.of === undefined ? Math.max(most, keep.parse(rule.keep)) : most),
  0,
)

/** When the last backup goes that was made before a moment. */
export function backupsExpireAt(nowMs: number): Date {
  return new Date(nowMs + backupDays * dayMs)
}
