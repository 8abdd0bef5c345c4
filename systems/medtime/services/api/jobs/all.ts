import { z } from 'zod'
import { cleanCrashes } from '../app/crashes.ts'
import type { Run } from '../database.ts'
import { cleanOcrRequests } from '../ocr/clean.ts'
import { createStore } from '../sync/store.ts'
import type { Job } from './job.ts'

/** Users whose tombstones are looked at in one transaction. */
const usersAtOnce = 100

const counted = z.tuple([z.object({ count: z.coerce.number().int() })])
const verified = z.tuple([z.object({ broken_at: z.string().nullable() })])

/** Every job of the service; whoever brings another adds a line. */
export const allJobs: readonly Job[] = [
  // BACKEND-ARCH-001 §7.2: at 03:00 UTC what is older than 30 days.
  { name: 'ocr-requests', schedule: '0 3 * * *', work: ({ run, now }) => cleanOcrRequests(run, now) },
  { name: 'app-crashes', schedule: '10 3 * * *', work: ({ run, now }) => cleanCrashes(run, now) },
  {
    name: 'tombstones',
    schedule: '30 3 * * *',
    work: async ({ database, now }) => {
      const store = createStore(database)
      let removed = 0
      for (;;) {
        const part = await store.compact(now, usersAtOnce)
        removed += part.removed
        if (!part.busy) return removed
      }
    },
  },
  {
    name: 'rotations',
    schedule: '50 * * * *',
    work: ({ run, now }) => count(run, 'clean-rotations', 'SELECT public.srv_clean_rotations($1) AS count', now),
  },
  {
    name: 'sessions',
    schedule: '15 * * * *',
    work: ({ run, now }) => count(run, 'clean-sessions', 'SELECT public.srv_clean_sessions($1) AS count', now),
  },
  {
    name: 'invites',
    schedule: '20 * * * *',
    work: ({ run, now }) => count(run, 'clean-invites', 'SELECT public.srv_clean_invites($1) AS count', now),
  },
  {
    name: 'rate-windows',
    schedule: '*/10 * * * *',
    work: ({ run, now }) =>
      count(
        run,
        'clean-rate-windows',
        `WITH gone AS (DELETE FROM public.srv_rate_windows WHERE empty_at < $1 RETURNING 1) SELECT count(*) FROM gone`,
        now,
      ),
  },
  {
    name: 'audit-log',
    schedule: '45 3 * * *',
    work: async ({ run, now }) => {
      const [{ broken_at: brokenAt }] = verified.parse(
        await run(
          'verify-audit',
          'SELECT coalesce(public.srv_verify_audit(), public.srv_verify_anchors()) AS broken_at',
          [],
        ),
      )
      if (brokenAt !== null) throw new AuditBroken()
      return count(run, 'shorten-audit', 'SELECT public.srv_shorten_audit($1) AS count', now)
    },
  },
]

/** The log of accounts was changed. Nothing is removed from it until somebody has looked. */
class AuditBroken extends Error {
  readonly code = 'AUDIT_BROKEN'
}

async function count(run: Run, name: string, text: string, now: Date): Promise<number> {
  return counted.parse(await run(name, text, [now]))[0].count
}
