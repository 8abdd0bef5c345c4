import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { type Ask, type MigratedDatabase, migratedDatabase, type Row } from '../../../test/migrated-database.ts'
import plan from '../plan.ts'

const directory = resolve(import.meta.dirname, '..')
const owner = '11111111-1111-1111-1111-111111111111'
const renter = '22222222-2222-2222-2222-222222222222'
const stranger = '33333333-3333-3333-3333-333333333333'

let database: MigratedDatabase

before(async () => {
  database = await migratedDatabase(plan, directory)
  await database.ask(database.ownerUrl, await readFile(join(directory, 'seed/staging.sql'), 'utf8'))
})

after(() => database.close())

const asOwner = <T>(work: (ask: Ask) => Promise<T>) => database.attempt(database.ownerUrl, work)

/** As PostgREST speaks for a signed-in person. */
const asPerson = <T>(person: string, work: (ask: Ask) => Promise<T>) =>
  database.attempt(database.roleUrl('authenticated'), async (ask) => {
    await ask("select set_config('request.jwt.claims', $1, true)", [JSON.stringify({ sub: person })])
    return work(ask)
  })

const book = (ask: Ask, from: string, to: string, status = 'confirmed', car = 'car-test-002') =>
  ask(
    'insert into bookings (car_id, renter_id, start_date, end_date, status) values ($1, $2, $3, $4, $5) returning total_amount',
    [car, renter, from, to, status],
  )

const code = (expected: string) => (error: unknown) => {
  assert.ok(error instanceof Error && 'code' in error)
  assert.equal(error.code, expected)
  return true
}

const overlap = code('23P01')
const forbidden = code('42501')

test('every migration applies as an owner without superuser, and the five indexes are there', async () => {
  const states = await database.states()
  assert.equal(Object.keys(states).length, 11)
  assert.deepEqual(new Set(Object.values(states)), new Set(['applied']))
  const indexes = await database.ask(
    database.ownerUrl,
    `select c.relname as name, am.amname as method, i.indisvalid as valid
     from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am am on am.oid = c.relam
     where c.relname like 'idx_%' order by 1`,
  )
  assert.deepEqual(indexes, [
    { name: 'idx_bookings_car_id_dates', method: 'btree', valid: true },
    { name: 'idx_bookings_renter_id_status', method: 'btree', valid: true },
    { name: 'idx_cars_location', method: 'gist', valid: true },
    { name: 'idx_cars_status_brand', method: 'btree', valid: true },
    { name: 'idx_wallet_user_created', method: 'btree', valid: true },
  ])
})

test('the seed of staging breaks no invariant, and v_system_health counts it', async () => {
  for (const [name, { sql }] of Object.entries(database.plan.database?.invariants ?? {})) {
    assert.deepEqual(await database.ask(database.ownerUrl, sql), [], name)
  }
  await asOwner(async (ask) => {
    await ask(
      "insert into wallet_transactions (user_id, type, amount, created_at) values ($1, 'deposit', 5, now() - interval '16 minutes')",
      [renter],
    )
    await ask("update bookings set status = 'pending_payment', created_at = now() - interval '61 minutes'")
    const [health] = await ask(
      `select stale_bookings, recent_bookings, stale_transactions, active_cars,
         round(avg_booking_amount_24h, 2) as avg_booking_amount_24h from v_system_health`,
    )
    assert.deepEqual(health, {
      stale_bookings: '1',
      recent_bookings: '0',
      stale_transactions: '1',
      active_cars: '2',
      avg_booking_amount_24h: '20000.00',
    })
  })
})

test('a car is not booked twice for one night; the end date is free again', async () => {
  await asOwner(async (ask) => {
    assert.deepEqual(await book(ask, '2026-01-10', '2026-01-13'), [{ total_amount: '18000.00' }])
    await book(ask, '2026-01-13', '2026-01-15')
    await book(ask, '2026-01-08', '2026-01-10')
    await assert.rejects(book(ask, '2026-01-12', '2026-01-14'), overlap)
  })
})

test('a cancelled booking frees its nights', async () => {
  await asOwner(async (ask) => {
    await book(ask, '2026-02-01', '2026-02-05', 'cancelled')
    await book(ask, '2026-02-01', '2026-02-05')
  })
})

test('of twenty who book the same nights at the same moment one succeeds', async () => {
  const insert = `insert into bookings (car_id, renter_id, start_date, end_date) values ('car-test-001', $1, $2, $3)`
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      database.ask(database.ownerUrl, insert, [renter, '2026-03-01', `2026-03-${String(index + 2).padStart(2, '0')}`]),
    ),
  )
  await database.ask(database.ownerUrl, "delete from bookings where start_date = '2026-03-01'")
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const outcome of outcomes) {
    // Two who wait for each other are a deadlock that Postgres ends; the loser of it booked nothing either.
    if (outcome.status === 'rejected') assert.match(String(outcome.reason.code), /^(23P01|40P01)$/)
  }
})

test('a booking is accepted exactly when none of its nights is taken', async () => {
  const wishes = fc.array(fc.record({ from: fc.nat({ max: 30 }), nights: fc.integer({ min: 1, max: 7 }) }), {
    minLength: 1,
    maxLength: 25,
  })
  await fc.assert(
    fc.asyncProperty(wishes, (sequence) =>
      asOwner(async (ask) => {
        const taken = new Set<number>()
        for (const { from, nights } of sequence) {
          const wanted = Array.from({ length: nights }, (_, night) => from + night)
          const free = wanted.every((night) => !taken.has(night))
          await ask('savepoint wish')
          const day = (offset: number) => new Date(Date.UTC(2027, 0, 1 + offset)).toISOString().slice(0, 10)
          const accepted = await book(ask, day(from), day(from + nights)).then(
            () => true,
            (error: unknown) => !overlap(error),
          )
          if (!accepted) await ask('rollback to savepoint wish')
          assert.equal(accepted, free)
          if (accepted) for (const night of wanted) taken.add(night)
        }
      }),
    ),
    { numRuns: 40 },
  )
})

test('a renter books for themselves, at the price of the car and unpaid', async () => {
  await asPerson(renter, async (ask) => {
    const insert = (person: string) =>
      ask(
        `insert into bookings (car_id, renter_id, start_date, end_date) values ('car-test-002', $1, '2026-04-01', '2026-04-04')
         returning total_amount, status`,
        [person],
      )
    assert.deepEqual(await insert(renter), [{ total_amount: '18000.00', status: 'pending_payment' }])
    await assert.rejects(insert(stranger), forbidden)
  })
  await asPerson(renter, (ask) => assert.rejects(book(ask, '2026-05-01', '2026-05-02', 'confirmed'), forbidden))
  await asPerson(renter, (ask) => assert.rejects(ask("update bookings set status = 'confirmed'"), forbidden))
})

test('a booking is seen by its renter and the owner of its car, and by nobody else', async () => {
  const bookings = (person: string) => asPerson(person, (ask) => ask('select id from bookings'))
  assert.deepEqual(await bookings(renter), [{ id: 'booking-test-001' }])
  assert.deepEqual(await bookings(owner), [{ id: 'booking-test-001' }])
  assert.deepEqual(await bookings(stranger), [])
  await assert.rejects(database.ask(database.roleUrl('anon'), 'select id from bookings'), forbidden)
})

test('visitors see cars that can be booked and no person', async () => {
  const seen = await database.ask(database.roleUrl('anon'), 'select id from cars order by id')
  assert.deepEqual(seen, [{ id: 'car-test-001' }, { id: 'car-test-002' }])
  await assert.rejects(database.ask(database.roleUrl('anon'), 'select id from users'), forbidden)
})

test('monitoring reads its five figures and no row', async () => {
  const monitor = database.roleUrl('autorenta_monitor')
  for (const [name, { query }] of Object.entries(database.plan.telemetry.metrics)) {
    if (!query) continue
    const rows = await database.ask(database.roleUrl(query.role ?? 'none'), query.sql)
    assert.equal(rows.length, 1, name)
    assert.ok(Number.isFinite(Number(Object.values(rows[0] ?? {})[0])), name)
  }
  for (const table of ['bookings', 'cars', 'users', 'wallet_transactions', 'auth.users']) {
    await assert.rejects(database.ask(monitor, `select * from ${table}`), forbidden)
  }
})

test('whoever signs up is a person at once', async () => {
  await asOwner(async (ask) => {
    await ask('insert into auth.users (id, email) values ($1, $2)', [stranger, 'stranger@staging.com'])
    assert.equal((await ask('select id from public.users where id = $1', [stranger])).length, 1)
  })
})

const broken: Record<string, string[]> = {
  'car-rented-once': [
    'alter table bookings drop constraint bookings_no_overlap',
    `insert into bookings (car_id, renter_id, start_date, end_date) values ('car-test-001', '${renter}', '2025-11-04', '2025-11-06')`,
  ],
  'login-has-person': [
    'alter table auth.users disable trigger add_user',
    `insert into auth.users (id) values ('${stranger}')`,
  ],
  'wallet-not-negative': [
    `insert into wallet_transactions (user_id, type, amount, status) values ('${renter}', 'charge', -1, 'completed')`,
  ],
  'owner-does-not-rent-own-car': [`update bookings set renter_id = '${owner}'`],
}

for (const [name, statements] of Object.entries(broken)) {
  test(`the invariant ${name} finds what breaks it`, async () => {
    const found = await asOwner(async (ask): Promise<Row[]> => {
      for (const statement of statements) await ask(statement)
      return ask(database.plan.database?.invariants[name]?.sql ?? 'select 1 where false')
    })
    assert.equal(found.length, 1)
  })
}
