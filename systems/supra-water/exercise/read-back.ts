import type { Ack, Ask } from 'aval'
import { z } from 'zod'
import { asTenant } from './as-tenant.ts'
import type { Doors } from './household.ts'

const token = z.discriminatedUnion('what', [
  z.strictObject({
    what: z.literal('reading'),
    tenant: z.string(),
    meter: z.string(),
    at: z.string(),
    value: z.number(),
  }),
  z.strictObject({ what: z.literal('invoice'), tenant: z.string(), invoice: z.string(), total: z.string() }),
  z.strictObject({
    what: z.literal('payment'),
    tenant: z.string(),
    invoice: z.string(),
    reference: z.string(),
    amount: z.string(),
  }),
  z.strictObject({ what: z.literal('order'), tenant: z.string(), order: z.string(), event: z.string() }),
])

/** What is asked for again, and of whose. */
export type AckToken = z.infer<typeof token>

type Fate = 'kept' | 'lost' | 'altered'

/** Asks for an acknowledged write as the API of its tenant. */
export async function fateOf(ack: Ack, { api }: Doors): Promise<Fate> {
  const promised = token.parse(ack.token)
  return asTenant(api, promised.tenant, (ask) => {
    switch (promised.what) {
      case 'reading':
        return fateOfReading(promised, ask)
      case 'invoice':
        return fateOfInvoice(promised, ask)
      case 'payment':
        return fateOfPayment(promised, ask)
      case 'order':
        return fateOfOrder(promised, ask)
    }
  })
}

async function fateOfReading(promised: Extract<AckToken, { what: 'reading' }>, ask: Ask): Promise<Fate> {
  const [found] = await ask<{ same: boolean }>(
    'SELECT value_m3 = $3 AS same FROM meter_readings WHERE meter_id = $1 AND read_at = $2',
    [promised.meter, promised.at, promised.value],
  )
  return judged(found)
}

/** An issued invoice holds what was asked for, and lines that say why. */
async function fateOfInvoice(promised: Extract<AckToken, { what: 'invoice' }>, ask: Ask): Promise<Fate> {
  const [found] = await ask<{ same: boolean }>(
    `SELECT total = $2 AND status IN ('stamped', 'paid') AND total = (SELECT sum(amount) FROM invoice_lines WHERE invoice_id = $1) AS same
       FROM invoices WHERE id = $1`,
    [promised.invoice, promised.total],
  )
  return judged(found)
}

/** A payment is whole when it is there with its amount and the invoice knows. */
async function fateOfPayment(promised: Extract<AckToken, { what: 'payment' }>, ask: Ask): Promise<Fate> {
  const [found] = await ask<{ same: boolean }>(
    `SELECT p.amount = $3 AND i.status = 'paid' AS same
       FROM payments AS p JOIN invoices AS i ON i.tenant_id = p.tenant_id AND i.id = p.invoice_id
      WHERE p.invoice_id = $1 AND p.reference = $2`,
    [promised.invoice, promised.reference, promised.amount],
  )
  return judged(found)
}

async function fateOfOrder(promised: Extract<AckToken, { what: 'order' }>, ask: Ask): Promise<Fate> {
  const [found] = await ask<{ same: boolean }>(
    'SELECT EXISTS (SELECT FROM domain_events WHERE id = $2) AS same FROM work_orders WHERE id = $1',
    [promised.order, promised.event],
  )
  return judged(found)
}

function judged(found: { same: boolean } | undefined): Fate {
  if (found === undefined) return 'lost'
  return found.same ? 'kept' : 'altered'
}
