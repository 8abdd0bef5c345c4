import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { systemClock } from '../../../src/clock.ts'
import { startedWatch } from '../../../src/watch/started.fixture.ts'
import { type MigratedDatabase, migratedDatabase } from '../../../test/migrated-database.ts'
import plan from '../plan.ts'

const owner = '11111111-1111-1111-1111-111111111111'
const renter = '22222222-2222-2222-2222-222222222222'

let database: MigratedDatabase
let directory: string

before(async () => {
  database = await migratedDatabase(plan, resolve(import.meta.dirname, '..'))
  directory = await mkdtemp(join(tmpdir(), 'aval-autorenta-'))
  await asOwner(`
    insert into auth.users (id) values ('${owner}'), ('${renter}');
    insert into cars (id, owner_id, brand, model, year, daily_rate, status)
      values ('car', '${owner}', 'Fiat', 'Cronos', 2023, 4500, 'active')`)
  await book(1, 'now()')
})

after(async () => {
  await database?.close()
  await rm(directory, { recursive: true, force: true })
})

const asOwner = (sql: string) => database.ask(database.ownerUrl, sql)

/** Unpaid bookings, each of a year of its own. */
const book = (count: number, createdAt: string) =>
  asOwner(`insert into bookings (car_id, renter_id, start_date, end_date, created_at)
    select 'car', '${renter}', day, day + 1, ${createdAt}
    from (select coalesce((select max(end_date) from bookings), '2030-01-01') + n as day from generate_series(1, ${count}) n) d`)

/** The watch of the plan, without what it would ask of others. */
const watch = (t: TestContext) =>
  startedWatch(t, directory, {
    plan: { ...database.plan, probes: {} },
    whereabouts: {
      serviceUrl: () => undefined,
      databaseUrls: () => ({ admin: database.adminUrl, owner: database.ownerUrl }),
      dataPath: directory,
      systemPath: directory,
    },
    variables: { DATABASE_URL: database.ownerUrl },
    everyMs: 250,
  })

test('six unpaid bookings become an alert as soon as the database is asked to check itself, minutes before the next reading', async (t) => {
  const { told, stop } = watch(t)
  const listens = `select count(*) from pg_stat_activity where application_name = 'aval check system-health' and state = 'idle'`
  await until(async () => Number((await database.ask(database.adminUrl, listens))[0]?.['count']) === 1)
  assert.deepEqual(told, [])

  await book(5, "now() - interval '61 minutes'")
  await check()
  await book(1, "now() - interval '61 minutes'")
  assert.deepEqual(told, [], 'five are not too many, and the sixth is not known yet')
  await check()
  await until(async () => told.length > 0)
  assert.deepEqual([...new Set(told)], ['stale_bookings firing'])
  await stop()
})

/** As pg_cron would, or anybody who wants to know. */
const check = () => database.ask(database.roleUrl('autorenta_monitor'), 'select check_system_health()')

async function until(seen: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
    if (await seen()) return
    await systemClock.sleep(20)
  }
  throw new Error('not seen in time')
}
