import type { Ask } from '../../../test/migrated-database.ts'

/** How many of each a crowd has. */
export interface CrowdSize {
  people: number
  cars: number
  /** Of each car, one after the other; each is paid by one transaction. */
  bookings: number
}

/**
 * Fills the tables as years of use would, by rules and without chance: the same size gives the same rows. Every constraint and trigger is on.
 * @param ask of the owner
 */
export async function fillWithCrowd(ask: Ask, { people, cars, bookings }: CrowdSize): Promise<void> {
  await ask(
    `insert into auth.users (id, email)
     select md5('person ' || n)::uuid, 'person-' || n || '@example.com' from generate_series(0, $1::int - 1) n`,
    [people],
  )
  await ask(
    `insert into cars (id, owner_id, brand, model, year, daily_rate, location, status)
     select 'car-' || n, md5('person ' || n % $2::int)::uuid, 'brand-' || n % 40, 'model', 2000 + n % 25, 4000 + n % 3000,
       point(-73 + n * 0.61803 % 20, -55 + n * 0.41421 % 33), case when n % 10 = 0 then 'retired' else 'active' end
     from generate_series(0, $1::int - 1) n`,
    [cars, people],
  )
  await ask(
    `insert into bookings (id, car_id, renter_id, start_date, end_date, total_amount, status, created_at)
     select 'booking-' || n, 'car-' || n % $2::int, md5('person ' || (n * 7919::bigint + 1) % $3::int)::uuid,
       date '2015-01-01' + (n / $2::int) * 3, date '2015-01-01' + (n / $2::int) * 3 + 2, 9000,
       (array['completed', 'completed', 'confirmed', 'cancelled'])[1 + n % 4], timestamptz '2015-01-01' + n * interval '1 minute'
     from generate_series(0, $1::int - 1) n`,
    [bookings, cars, people],
  )
  await ask(
    `insert into wallet_transactions (user_id, booking_id, type, amount, status, created_at)
     select renter_id, id, 'deposit', total_amount, 'completed', created_at from bookings`,
  )
  for (const table of ['bookings', 'cars', 'wallet_transactions']) await ask(`analyze ${table}`)
}
