import type { Guarantee } from '../../plan/guarantee.ts'
import type { Plan } from '../../plan/plan.ts'
import { withClient } from '../../postgres/connection.ts'
import type { Steps } from '../steps.ts'
import type { Inspection } from './inspection.ts'

/**
 * Runs an invariant of the plan on the restored database as superuser, so that row security hides no breach, in a
 * transaction that may only read.
 */
export async function countBreaches(
  guarantee: Guarantee,
  plan: Plan,
  adminUrl: string,
  steps: Steps,
): Promise<Inspection> {
  const name = String(guarantee.path.at(-1))
  const invariant = plan.database?.invariants[name]
  if (!invariant) throw new Error(`the plan has no invariant ${name}`)
  return withClient(adminUrl, async (client) => {
    const rows = await steps.do('rows that break the claim counted', async () => {
      await client.query('BEGIN READ ONLY')
      try {
        const { rows: counted } = await client.query<{ breaches: string }>(
          `SELECT count(*) AS breaches FROM (${invariant.sql.replace(/;\s*$/, '')}) AS breach`,
        )
        return Number(counted[0]?.breaches ?? Number.NaN)
      } finally {
        await client.query('ROLLBACK')
      }
    })
    // A claim over an empty database would hold by default; the sample says how many rows there were to break it.
    const { rows: population } = await client.query<{ rows: string }>(
      "SELECT coalesce(sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I', schemaname, tablename), false, true, '')))[1]::text::bigint), 0) AS rows FROM pg_tables WHERE schemaname = 'public'",
    )
    return {
      violations: rows,
      sample: { size: Number(population[0]?.rows ?? 0), of: 'rows of the restored database' },
      reason: rows === 0 ? 'No row breaks the claim' : `${rows} rows break the claim`,
      steps: steps.done(),
    }
  })
}
