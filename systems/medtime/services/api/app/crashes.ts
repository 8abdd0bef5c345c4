import { z } from 'zod'
import type { CrashReport } from '../../../client/app/wire.ts'
import type { Run } from '../database.ts'

/** TECH-INF-001 §2.3. */
const keptDays = 90
const dayMs = 86_400_000

const noted = z.tuple([z.object({ is_new: z.boolean() })])
const cleaned = z.tuple([z.object({ removed: z.coerce.number().int() })])

/** Keeps a report as it is, and not whose it is. The same again is kept once. */
export async function keepCrash(
  run: Run,
  report: CrashReport,
  now: Date,
): Promise<{ isNew: boolean; keptUntil: Date }> {
  const rows = await run('keep-crash', 'SELECT public.srv_keep_app_crash($1,$2,$3,$4,$5,$6,$7,$8,$9) AS is_new', [
    report.id,
    now,
    report.kind,
    report.class,
    report.code,
    report.frames,
    report.platform,
    report.version,
    report.user_hash,
  ])
  return { isNew: noted.parse(rows)[0].is_new, keptUntil: new Date(now.getTime() + keptDays * dayMs) }
}

/** For a daily job: removes what is older than 90 days. @returns how many were removed */
export async function cleanCrashes(run: Run, now: Date): Promise<number> {
  return cleaned.parse(await run('clean-app-crashes', 'SELECT public.srv_clean_app_crashes($1) AS removed', [now]))[0]
    .removed
}
