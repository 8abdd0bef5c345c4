import { randomUUID } from 'node:crypto'
import { type Ask, type SmokeResult, smokeOf, sqlState } from 'aval'
import type { Speakers } from './people.ts'
import { speak } from './speak.ts'

/** The shortest look that tells a working AutoRenta from a broken one; what it writes it takes back. */
export function smoke({ person, signUp, visitor }: Speakers): Promise<SmokeResult> {
  return smokeOf(
    {
      search: () =>
        speak(visitor, async (ask) => void (await ask("select id from cars where status = 'active' limit 1"))),
      'sign-up, car and booking': () => speak(signUp, tryRental),
      'own bookings': () =>
        speak(person(randomUUID()), async (ask) => {
          const seen = await ask('select id from bookings')
          if (seen.length > 0) throw new Error('somebody without bookings sees some')
        }),
    },
    // Words of the server may hold values of rows.
    (error) => sqlState(error) ?? 'no answer',
  )
}

/** All of a rental in one transaction that is undone to where it began. */
async function tryRental(ask: Ask): Promise<void> {
  const [owner, renter] = [randomUUID(), randomUUID()]
  await ask('savepoint rental')
  await ask('insert into auth.users (id) values ($1), ($2)', [owner, renter])
  const [car] = await ask<{ id: string }>(
    `insert into cars (owner_id, brand, model, year, daily_rate, status)
     values ($1, 'Fiat', 'Cronos', 2023, 4500, 'active') returning id`,
    [owner],
  )
  const [booked] = await ask<{ total_amount: string }>(
    `insert into bookings (car_id, renter_id, start_date, end_date) values ($1, $2, '2027-01-01', '2027-01-03')
     returning total_amount`,
    [car?.id, renter],
  )
  if (Number(booked?.total_amount) !== 9_000) throw new Error('two nights do not cost two daily rates')
  await ask('rollback to savepoint rental')
}
