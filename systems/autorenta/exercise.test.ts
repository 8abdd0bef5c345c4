import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { after, before, test } from 'node:test'
import type { Ack, Actor, Exercise } from 'aval'
import { systemClock } from '../../src/clock.ts'
import { seededRandom } from '../../src/random.ts'
import { type MigratedDatabase, migratedDatabase } from '../../test/migrated-database.ts'
import { exercise as exerciseOf } from './exercise.ts'
import plan from './plan.ts'

let database: MigratedDatabase
let exercise: Exercise
let actors: Actor[]
let acks: Ack[]

before(async () => {
  database = await migratedDatabase(plan, resolve(import.meta.dirname))
  exercise = exerciseOf({
    address: () => {
      throw new Error('no service is asked')
    },
    databaseUrl: (role) => database.roleUrl(role),
    now: systemClock.now,
  })
  actors = await exercise.actors(7, 3)
  const made = await Promise.all(
    actors.map(async (actor) => {
      const random = seededRandom(7).fork(actor.id)
      const own: Ack[] = []
      while (own.length < 15) own.push(await exercise.step(actor, random))
      return own
    }),
  )
  acks = made.flat()
})

after(() => database?.close())

const asOwner = (sql: string) => database.ask(database.ownerUrl, sql)
const of = (operation: string) => acks.filter((ack) => ack.operation === operation && ack.kind === 'write')
const fates = async (asked: readonly Ack[]) => {
  const found = await Promise.all(asked.map((ack) => exercise.readBack(ack)))
  return [...new Set(found)].toSorted()
}

test('the same seed finds the same people with the same cars', async () => {
  assert.deepEqual(
    (await exercise.actors(7, 3)).map(({ id }) => id),
    actors.map(({ id }) => id),
  )
  assert.deepEqual(await asOwner('select count(*) from cars'), [{ count: '3' }])
})

test('people book, pay and change their name, and what was acknowledged is there', async () => {
  for (const operation of ['book', 'pay', 'rename']) assert.ok(of(operation).length > 0, operation)
  assert.deepEqual(await fates(of('book')), ['kept'])
  assert.deepEqual(await fates(of('pay')), ['kept'])
  assert.deepEqual(await fates(of('rename')), ['kept'])
})

test('a payment that is told again counts once', async () => {
  const [paid] = await asOwner(
    "select booking_id, amount, provider_reference from wallet_transactions where type = 'deposit'",
  )
  assert.ok(paid)
  const again = await database.ask(
    database.roleUrl('autorenta_payments'),
    'select settle_payment($1, $2, $3) as outcome',
    [paid['booking_id'], paid['amount'], paid['provider_reference']],
  )
  assert.deepEqual(again, [{ outcome: 'repeated' }])
  assert.deepEqual(await fates(of('pay')), ['kept'])
})

test('what fits no unpaid booking stays in the wallet, and a booking that nobody knows is refused', async () => {
  const settle = (booking: unknown, reference: string) =>
    database.ask(database.roleUrl('autorenta_payments'), 'select settle_payment($1, 1, $2) as outcome', [
      booking,
      reference,
    ])
  const [expired] = await asOwner(
    `insert into bookings (car_id, renter_id, start_date, end_date, status)
     select id, (select id from users where id <> owner_id limit 1), '2020-01-01', '2020-01-02', 'expired' from cars limit 1 returning id`,
  )
  assert.deepEqual(await settle(expired?.['id'], 'late'), [{ outcome: 'kept' }])
  await assert.rejects(settle('nobody', 'unknown'), { code: 'P0002' })
})

test('the smoke test passes and leaves nothing', async () => {
  const before = await asOwner('select (select count(*) from auth.users), (select count(*) from bookings) as bookings')
  assert.deepEqual(
    (await exercise.smoke()).checks.filter(({ passed }) => !passed),
    [],
  )
  assert.deepEqual(
    await asOwner('select (select count(*) from auth.users), (select count(*) from bookings) as bookings'),
    before,
  )
})

test('what is gone or other than it was is seen', async () => {
  const [renamed] = of('rename')
  assert.ok(renamed)
  await asOwner("update bookings set status = 'pending_payment'; update users set display_name = null")
  assert.deepEqual(await fates(of('pay')), ['altered'])
  assert.deepEqual(await fates([renamed]), ['lost'])
  await asOwner('update bookings set end_date = end_date + 20000, start_date = start_date + 20000')
  assert.deepEqual(await fates(of('book')), ['altered'])
  await asOwner('truncate bookings cascade')
  assert.deepEqual(await fates([...of('book'), ...of('pay')]), ['lost'])
  assert.ok((await exercise.smoke()).passed)
  await asOwner('revoke select on cars from anon')
  assert.deepEqual(
    (await exercise.smoke()).checks.filter(({ passed }) => !passed).map(({ name }) => name),
    ['search'],
  )
})
