import type { Ack, Ask } from 'aval'
import { z } from 'zod'
import type { Speakers } from './people.ts'
import { speak } from './speak.ts'

const token = z.discriminatedUnion('what', [
  z.object({ what: z.literal('booking'), user: z.string(), booking: z.string(), car: z.string(), from: z.string() }),
  z.object({
    what: z.literal('payment'),
    user: z.string(),
    booking: z.string(),
    reference: z.string(),
    amount: z.string(),
  }),
  z.object({ what: z.literal('name'), user: z.string(), edition: z.int() }),
])

/** What is asked for again, and as whom. */
export type AckToken = z.infer<typeof token>

type Fate = 'kept' | 'lost' | 'altered'

/** Asks for an acknowledged write as the person who made it. */
export async function fateOf(ack: Ack, { person }: Speakers): Promise<Fate> {
  const promised = token.parse(ack.token)
  return speak(person(promised.user), (ask) => {
    switch (promised.what) {
      case 'booking':
        return fateOfBooking(promised, ask)
      case 'payment':
        return fateOfPayment(promised, ask)
      case 'name':
        return fateOfName(promised, ask)
    }
  })
}

async function fateOfBooking(promised: Extract<AckToken, { what: 'booking' }>, ask: Ask): Promise<Fate> {
  const [found] = await ask<{ same: boolean }>(
    'select car_id = $2 and start_date = $3::date and end_date = $3::date + 2 as same from bookings where id = $1',
    [promised.booking, promised.car, promised.from],
  )
  if (!found) return 'lost'
  return found.same ? 'kept' : 'altered'
}

/** A payment is whole when money came in, went out again, and the booking knows. */
async function fateOfPayment(promised: Extract<AckToken, { what: 'payment' }>, ask: Ask): Promise<Fate> {
  const found = await ask<{ amount: string }>('select amount from wallet_transactions where booking_id = $1', [
    promised.booking,
  ])
  if (found.length === 0) return 'lost'
  const amounts = found.map(({ amount }) => Number(amount)).toSorted((a, b) => a - b)
  const [booking] = await ask<{ status: string }>('select status from bookings where id = $1', [promised.booking])
  const paid = Number(promised.amount)
  const whole = amounts.length === 2 && amounts[0] === -paid && amounts[1] === paid && booking?.status === 'confirmed'
  return whole ? 'kept' : 'altered'
}

/** Names are numbered: a later one has taken the place of an earlier. */
async function fateOfName(promised: Extract<AckToken, { what: 'name' }>, ask: Ask): Promise<Fate> {
  const [found] = await ask<{ display_name: string | null }>('select display_name from users where id = $1', [
    promised.user,
  ])
  const edition = Number(/^Person (\d+)$/.exec(found?.display_name ?? '')?.[1] ?? 0)
  return edition >= promised.edition ? 'kept' : 'lost'
}
