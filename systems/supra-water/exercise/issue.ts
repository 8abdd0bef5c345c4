import type { Ask } from 'aval'
import { tariffBegins } from './household.ts'

export interface Issued {
  invoice: string
  /** Pesos, two decimals, as the database writes it. */
  total: string
}

/**
 * Bills a day of a contract in the transaction of `ask`: a draft, a line for every block of the tariff that was used, and the stamp. The arithmetic is the
 * database's, in numeric.
 * @param day counted from the beginning of the tariff
 * @param usedM3 cubic metres, above 0
 * @throws 23P01 when the day is billed already
 */
export async function issue(
  ask: Ask,
  bill: { tenant: string; contract: string; invoice: string; day: number; usedM3: number },
): Promise<Issued> {
  const { tenant, contract, invoice, day, usedM3 } = bill
  await ask(
    `INSERT INTO invoices
       (tenant_id, id, number, contract_id, tariff_schedule_id, period_start, period_end, consumption_m3, subtotal, total)
     SELECT $1, $2::uuid, $2::text, $3, id, $4::date + $5::int, $4::date + $5::int + 1, $6, 0, 0
       FROM tariff_schedules WHERE tenant_id = $1 AND type = 'domestico'`,
    [tenant, invoice, contract, tariffBegins, day, usedM3],
  )
  await ask(
    `INSERT INTO invoice_lines (tenant_id, invoice_id, position, concept, quantity_m3, price_per_m3, amount)
     SELECT $1, $2, place, 'Block ' || place, used, price, round(used * price, 2) + fixed
       FROM (
         SELECT place, (block ->> 'price_per_m3')::numeric AS price, (block ->> 'fixed_charge')::numeric AS fixed,
             least($3::numeric, (block ->> 'to_m3')::numeric) - (block ->> 'from_m3')::numeric AS used
           FROM tariff_schedules, jsonb_array_elements(blocks) WITH ORDINALITY AS of (block, place)
          WHERE tenant_id = $1 AND type = 'domestico') AS blocks
      WHERE used > 0`,
    [tenant, invoice, usedM3],
  )
  const [issued] = await ask<{ total: string }>(
    `UPDATE invoices SET subtotal = lines.amount, total = lines.amount, status = 'stamped', cfdi_uuid = gen_random_uuid()
       FROM (SELECT sum(amount) AS amount FROM invoice_lines WHERE tenant_id = $1 AND invoice_id = $2) AS lines
      WHERE tenant_id = $1 AND id = $2 RETURNING total`,
    [tenant, invoice],
  )
  if (!issued) throw new Error('an invoice that was drafted cannot be stamped')
  return { invoice, total: issued.total }
}
