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

const made = (): Exercise =>
  exerciseOf({
    address: () => {
      throw new Error('no service is asked')
    },
    databaseUrl: (role) => (role === 'supra_owner' ? database.ownerUrl : database.roleUrl(role)),
    now: systemClock.now,
  })

before(async () => {
  database = await migratedDatabase(plan, resolve(import.meta.dirname))
  exercise = made()
  actors = await exercise.actors(7, 4)
  const all = await Promise.all(
    actors.map(async (actor) => {
      const random = seededRandom(7).fork(actor.id)
      const own: Ack[] = []
      while (own.length < 30) own.push(await exercise.step(actor, random))
      return own
    }),
  )
  acks = all.flat()
})

after(() => database?.close())

const asOwner = (sql: string) => database.ask(database.ownerUrl, sql)
const of = (operation: string) => acks.filter((ack) => ack.operation === operation && ack.kind === 'write')
const fates = async (asked: readonly Ack[]) => {
  const found = await Promise.all(asked.map((ack) => exercise.readBack(ack)))
  return [...new Set(found)].toSorted()
}

test('households are spread over utilities, and the same seed finds the same ones where they stopped', async () => {
  assert.equal(new Set(actors.map((actor) => exercise.tenantOf?.(actor))).size, 3)
  const again = made()
  const found = await again.actors(7, 4)
  assert.deepEqual(
    found.map(({ id }) => id),
    actors.map(({ id }) => id),
  )
  assert.deepEqual(await asOwner('select count(*) from contracts'), [{ count: '4' }])
  const random = seededRandom(8)
  for (const actor of found) for (let n = 0; n < 5; n++) await again.step(actor, random)
})

test('meters are read, days billed, invoices paid and leaks reported, and what was acknowledged is there', async () => {
  for (const operation of ['read-meter', 'bill', 'pay', 'report']) {
    assert.ok(of(operation).length > 0, operation)
    assert.deepEqual(await fates(of(operation)), ['kept'], operation)
  }
})

test('what nobody may do is tried and promises nothing', () => {
  for (const operation of ['bill-twice', 'change-issued', 'look']) {
    const tried = acks.filter((ack) => ack.operation === operation)
    assert.ok(tried.length > 0, operation)
    assert.ok(tried.every(({ kind }) => kind === 'read'))
  }
})

test('the invariants of the plan hold over what was done', async () => {
  for (const [name, { sql }] of Object.entries(database.plan.database?.invariants ?? {}))
    assert.deepEqual(await asOwner(sql), [], name)
})

test('a reading, a payment and an order that are gone are lost; what says something else is altered', async () => {
  await asOwner('delete from meter_readings')
  assert.deepEqual(await fates(of('read-meter')), ['lost'])
  await asOwner('update payments set amount = amount + 1')
  assert.deepEqual(await fates(of('pay')), ['altered'])
  await asOwner('delete from payments')
  assert.deepEqual(await fates(of('pay')), ['lost'])
  await asOwner('delete from domain_events')
  assert.deepEqual(await fates(of('report')), ['altered'])
  await asOwner(`update invoices set status = 'cancelled'`)
  assert.deepEqual(await fates(of('bill')), ['altered'])
})

test('the shortest look passes, and fails where the tariff is wrong', async () => {
  assert.deepEqual(await exercise.smoke(), {
    passed: true,
    checks: [
      { name: 'a day is billed by the blocks of the tariff', passed: true },
      { name: 'nobody’s session sees nothing', passed: true },
    ],
  })
  await asOwner(`update tariff_schedules set blocks = jsonb_set(blocks, '{0,price_per_m3}', '6')`)
  assert.equal((await exercise.smoke()).passed, false)
})
