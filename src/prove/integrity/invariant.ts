import type { Client } from 'pg'
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
  const rows = await steps.do('rows that break the claim counted', () => breachesOf(adminUrl, invariant.sql))
  return withClient(adminUrl, async (client) => {
    // A claim over an empty database would hold by default; the sample says how many rows there were to break it.
    const { rows: population } = await client.query<{ rows: string }>(
      "SELECT coalesce(sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I', schemaname, tablename), false, true, '')))[1]::text::bigint), 0) AS rows FROM pg_tables WHERE schemaname <> ALL ('{pg_catalog,information_schema,aval,aval_ballast}')",
    )
    return {
      violations: rows,
      sample: { size: Number(population[0]?.rows ?? 0), of: 'rows of the restored database' },
      reason: rows === 0 ? 'No row breaks the claim' : `${rows} rows break the claim`,
      steps: steps.done(),
    }
  })
}

/** How many rows break an invariant, asked in a transaction that may only read. */
export async function breachesOf(adminUrl: string, sql: string): Promise<number> {
  return withClient(adminUrl, async (client) => {
    await client.query('BEGIN READ ONLY')
    try {
      return await breachesWithin(client, sql)
    } finally {
      await client.query('ROLLBACK')
    }
  })
}

/** @param client in a transaction that may only read */
export async function breachesWithin(client: Client, sql: string): Promise<number> {
  const { rows } = await client.query<{ breaches: string }>(
    `SELECT count(*) AS breaches FROM (${sql.replace(/;\s*$/, '')}) AS breach`,
  )
  return Number(rows[0]?.breaches ?? Number.NaN)
}
