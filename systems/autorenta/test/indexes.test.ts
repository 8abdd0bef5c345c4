import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { connect } from '../../../src/postgres/connection.ts'
import { type MigratedDatabase, migratedDatabase } from '../../../test/migrated-database.ts'
import plan from '../plan.ts'
import { fillWithCrowd } from './crowd.ts'
import { askedFor, indexUses } from './index-use.ts'

const directory = resolve(import.meta.dirname, '..')
const migrations = join(directory, 'migrations')

let database: MigratedDatabase

before(async () => {
  database = await migratedDatabase(plan, directory)
  await fillWithCrowd((sql, values) => database.ask(database.ownerUrl, sql, values), {
    people: 500,
    cars: 2_000,
    bookings: 8_000,
  })
})

after(() => database?.close())

for (const use of indexUses) {
  test(`${use.index} is what Postgres takes for its query, under row security`, async () => {
    const { indexes, rows } = await database.attempt(database.roleUrl(use.role), (ask) => askedFor(ask, use))
    assert.ok(indexes.includes(use.index), `it takes ${indexes.join(', ') || 'none'}`)
    assert.ok(rows > 0)
  })
}

test('an index that is not there is not seen in a plan', async () => {
  const [use] = indexUses
  assert.ok(use)
  const { indexes } = await database.attempt(database.adminUrl, async (ask) => {
    await ask(`drop index ${use.index}`)
    await ask(`set local role ${use.role}`)
    return askedFor(ask, use)
  })
  assert.ok(!indexes.includes(use.index))
})

const writes: Record<string, string> = {
  bookings: "update bookings set total_amount = total_amount where id = 'booking-1'",
  cars: "update cars set model = model where id = 'car-1'",
  wallet_transactions: "update wallet_transactions set amount = amount where booking_id = 'booking-1'",
}

for (const file of readdirSync(migrations).filter((name) => name.includes('_index_'))) {
  const sql = readFileSync(join(migrations, file), 'utf8')
  const [, index = '', table = ''] = /index concurrently (\w+) on public\.(\w+)/.exec(sql) ?? []

  test(`${index} is built while others write`, async () => {
    const write = writes[table] ?? ''
    await database.ask(database.ownerUrl, `drop index ${index}`)
    const [earlier, builder] = [await connect(database.ownerUrl), await connect(database.ownerUrl)]
    try {
      await earlier.query(`begin; ${write}`)
      const [{ pid }] = z
        .tuple([z.object({ pid: z.int() })])
        .parse((await builder.query('select pg_backend_pid() as pid')).rows)
      let building = true
      const built = builder.query(sql).finally(() => {
        building = false
      })
      const waits = `select from pg_stat_activity where pid = ${pid} and wait_event_type = 'Lock'`
      while (building && (await database.ask(database.adminUrl, waits)).length === 0);
      assert.ok(building, 'it waits for the write that began before it')
      // Who asks for a stronger lock than CONCURRENTLY does would now stand in the way of everybody behind.
      await database.ask(database.ownerUrl, `set lock_timeout = '5s'; ${write.replace('-1', '-2')}`)
      await earlier.query('commit')
      await built
    } finally {
      await earlier.end()
      await builder.end()
    }
    const valid = `select indisvalid from pg_index where indexrelid = '${index}'::regclass`
    assert.deepEqual(await database.ask(database.ownerUrl, valid), [{ indisvalid: true }])
  })
}
