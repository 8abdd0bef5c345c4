import { z } from 'zod'
import type { Ask } from '../../../test/migrated-database.ts'

/** The query that an index of the schema is there for, and who asks it: row security is part of every plan. */
export interface IndexUse {
  index: string
  role: 'anon' | 'authenticated'
  query: string
}

const person = "md5('person 1')::uuid"

export const indexUses: readonly IndexUse[] = [
  {
    index: 'idx_bookings_renter_id_status',
    role: 'authenticated',
    query: `select id, car_id, start_date from bookings where renter_id = ${person} and status = 'completed'`,
  },
  {
    index: 'idx_bookings_car_id_dates',
    role: 'authenticated',
    query:
      "select start_date, end_date from bookings where car_id = 'car-1' and start_date >= '2015-01-01' and end_date <= '2015-03-01'",
  },
  {
    // The nearest first: a condition on the place would come after row security, since its operators are not leakproof, and find no index.
    index: 'idx_cars_location',
    role: 'anon',
    query:
      "select id, brand, daily_rate from cars where status = 'active' order by location <-> point(-58.4, -34.6) limit 20",
  },
  {
    index: 'idx_cars_status_brand',
    role: 'anon',
    query: "select id, model, daily_rate from cars where status = 'active' and brand = 'brand-7'",
  },
  {
    index: 'idx_wallet_user_created',
    role: 'authenticated',
    query: `select amount, status, created_at from wallet_transactions where user_id = ${person} order by created_at desc limit 20`,
  },
]

interface PlanNode {
  'Index Name'?: string | undefined
  Plans?: PlanNode[] | undefined
}

const planNode: z.ZodType<PlanNode> = z.object({
  'Index Name': z.string().optional(),
  get Plans() {
    return z.array(planNode).optional()
  },
})

const explained = z.tuple([z.object({ 'QUERY PLAN': z.tuple([z.looseObject({ Plan: planNode })]) })])

/**
 * What Postgres does for a query, asked for as the person of `indexUses`: every index in the plan that it chooses, and how many rows come.
 * @param ask in a transaction, connected as the role
 */
export async function askedFor(ask: Ask, { query }: IndexUse): Promise<{ indexes: string[]; rows: number }> {
  await ask(`select set_config('request.jwt.claims', json_build_object('sub', ${person})::text, true)`)
  const [row] = explained.parse(await ask(`explain (format json) ${query}`))
  const { length } = await ask(query)
  return { indexes: namesIn(row['QUERY PLAN'][0].Plan), rows: length }
}

function namesIn({ 'Index Name': name, Plans: below = [] }: PlanNode): string[] {
  return [...(name === undefined ? [] : [name]), ...below.flatMap(namesIn)]
}
