import { schedule } from '../catalog-import/schedule.ts'
import { type Duty, owedAt } from './duties.ts'

/** What is looked after, for whoever runs the service: no address, no text of a file. */
export function tellDuties(duties: readonly Duty[], now: Date): object {
  const outside = duties.filter(({ source }) => source !== 'starter')
  return {
    sources_configured: outside.length,
    sources: duties.map((duty) => ({
      source: duty.source,
      every: schedule[duty.source],
      configured_at: duty.since.toISOString(),
      checked_at: duty.checkedAt?.toISOString() ?? null,
      due_at: owedAt(duty).toISOString(),
      overdue: owedAt(duty) <= now,
      last: duty.last?.outcome ?? null,
      error_code: duty.last?.code ?? null,
      failures: duty.failures,
    })),
  }
}
