import { randomUUID } from 'node:crypto'
import { setTimeout as passed } from 'node:timers/promises'
import { type Ack, type Random, sqlState } from 'aval'
import { asTenant } from './as-tenant.ts'
import type { Doors, Household } from './household.ts'
import { issue } from './issue.ts'
import type { AckToken } from './read-back.ts'

/** What people look at before they do the next thing; without it a handful of clients would be a flood. */
const pauseMs = 20
const overlap = '23P01'
const issuedStays = '23001'

/** What an operation wrote; undefined when nothing was written. */
type Written = AckToken | undefined

/**
 * One thing that happens about a household: its meter is read, it is billed, pays or reports a leak, somebody looks, or somebody tries what must not be. Resolves once it was
 * committed.
 * @throws when it was not, or nobody knows
 */
export async function step(household: Household, doors: Doors, random: Random, now: () => number): Promise<Ack> {
  await passed(pauseMs)
  const operation = chosen(household, random)
  const sentAt = now()
  const token = await operations[operation](household, doors, random)
  household.operations++
  return {
    id: `${household.id}-${household.operations}`,
    actor: household.id,
    operation,
    kind: token === undefined ? 'read' : 'write',
    sentAt,
    acknowledgedAt: now(),
    token: token === undefined ? null : { ...token },
  }
}

type Operation = 'read-meter' | 'bill' | 'pay' | 'report' | 'look' | 'bill-twice' | 'change-issued'

function chosen({ owed, nextDay }: Household, random: Random): Operation {
  if (owed !== undefined && random.next() < 0.5) return 'pay'
  const lot = random.next()
  if (lot < 0.45) return 'read-meter'
  if (lot < 0.65) return 'bill'
  if (lot < 0.75) return 'report'
  if (lot < 0.85 || nextDay === 0) return 'look'
  return lot < 0.93 ? 'bill-twice' : 'change-issued'
}

const operations: Record<Operation, (household: Household, doors: Doors, random: Random) => Promise<Written>> = {
  'read-meter': async (household, { worker }, random) => {
    const { tenant, meter, dial } = household
    const value = Number((dial.value + random.int(3_000) / 1_000).toFixed(3))
    const at = readAt(dial.readings)
    await asTenant(worker, tenant, (ask) =>
      ask('INSERT INTO meter_readings (tenant_id, meter_id, read_at, value_m3) VALUES ($1, $2, $3, $4)', [
        tenant,
        meter,
        at,
        value,
      ]),
    )
    household.dial = { value, readings: dial.readings + 1 }
    return { what: 'reading', tenant, meter, at, value }
  },

  bill: async (household, { worker }, random) => {
    const { tenant, contract, nextDay } = household
    const usedM3 = 1 + random.int(60)
    const issued = await asTenant(worker, tenant, (ask) =>
      issue(ask, { tenant, contract, invoice: randomUUID(), day: nextDay, usedM3 }),
    )
    household.nextDay = nextDay + 1
    household.owed = issued
    return { what: 'invoice', tenant, ...issued }
  },

  /** The channel reports a payment, and reports it again: it counts once. */
  pay: async (household, { api }, random) => {
    const { tenant, owed } = household
    if (owed === undefined) return undefined
    const { invoice, total } = owed
    const channel = random.pick(['oxxo', 'spei', 'card'])
    const reference = `r-${invoice}`
    const found = await asTenant(api, tenant, async (ask) => {
      // An invoice that a restore took away is nobody's to pay for.
      if ((await ask('SELECT 1 FROM invoices WHERE id = $1', [invoice])).length === 0) return false
      for (let report = 1; report <= 2; report++)
        await ask(
          `INSERT INTO payments (tenant_id, invoice_id, channel, amount, reference, paid_at) VALUES ($1, $2, $3, $4, $5, now())
           ON CONFLICT (tenant_id, channel, reference) DO NOTHING`,
          [tenant, invoice, channel, total, reference],
        )
      await ask(
        `UPDATE invoices SET status = 'paid'
          WHERE id = $1 AND status = 'stamped' AND total <= (SELECT sum(amount) FROM payments WHERE invoice_id = $1)`,
        [invoice],
      )
      return true
    })
    household.owed = undefined
    return found ? { what: 'payment', tenant, invoice, reference, amount: total } : undefined
  },

  report: async ({ tenant, toma }, { api }) => {
    const [order, event] = [randomUUID(), randomUUID()]
    await asTenant(api, tenant, async (ask) => {
      await ask(`INSERT INTO work_orders (tenant_id, id, toma_id, kind) VALUES ($1, $2, $3, 'leak')`, [
        tenant,
        order,
        toma,
      ])
      await ask(
        `INSERT INTO domain_events (tenant_id, id, occurred_at, type, payload) VALUES ($1, $2, $3, 'leak.reported', $4)`,
        [tenant, event, readAt(0), JSON.stringify({ order })],
      )
    })
    return { what: 'order', tenant, order, event }
  },

  look: async ({ tenant, contract, meter }, { api }) => {
    await asTenant(api, tenant, async (ask) => {
      await ask(
        'SELECT number, total, status FROM invoices WHERE contract_id = $1 ORDER BY period_start DESC LIMIT 12',
        [contract],
      )
      await ask('SELECT read_at, value_m3 FROM meter_readings WHERE meter_id = $1 ORDER BY read_at DESC LIMIT 12', [
        meter,
      ])
    })
    return undefined
  },

  /** Nobody should; somebody tries. Were it accepted, nothing would be promised by it. */
  'bill-twice': async ({ tenant, contract, nextDay }, { worker }) =>
    whereRefused(overlap, () =>
      asTenant(worker, tenant, (ask) =>
        issue(ask, { tenant, contract, invoice: randomUUID(), day: nextDay - 1, usedM3: 1 }),
      ),
    ),

  'change-issued': async ({ tenant, contract }, { api }) =>
    whereRefused(issuedStays, () =>
      asTenant(api, tenant, (ask) =>
        ask('UPDATE invoices SET subtotal = 0, total = 0 WHERE contract_id = $1', [contract]),
      ),
    ),
}

async function whereRefused(code: string, work: () => Promise<unknown>): Promise<undefined> {
  try {
    await work()
  } catch (error) {
    if (sqlState(error) !== code) throw error
  }
}

/** The moment of a meter's reading: every quarter of an hour from May 2026 on, within the months that have partitions for thousands of them. */
function readAt(readings: number): string {
  return new Date(Date.UTC(2026, 4, 1) + readings * 900_000).toISOString()
}
