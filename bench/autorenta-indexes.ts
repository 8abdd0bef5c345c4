import { resolve } from 'node:path'
import plan from '../systems/autorenta/plan.ts'
import { fillWithCrowd } from '../systems/autorenta/test/crowd.ts'
import { askedFor, indexUses } from '../systems/autorenta/test/index-use.ts'
import { migratedDatabase } from '../test/migrated-database.ts'

/*
 * The five indexes of AutoRenta at their full size: `node bench/autorenta-indexes.ts [bookings]`. Fills a Postgres of its own, all constraints on,
 * and asks each query under row security. Ends with 1 when Postgres takes another way than the index for any of them.
 */
const bookings = Number(process.argv[2] ?? 1_000_000)

const database = await migratedDatabase(plan, resolve(import.meta.dirname, '../systems/autorenta'))
try {
  const began = performance.now()
  await fillWithCrowd((sql, values) => database.ask(database.ownerUrl, sql, values), {
    people: Math.ceil(bookings / 10),
    cars: Math.ceil(bookings / 50),
    bookings,
  })
  console.log(`${bookings} bookings and as many transactions in ${((performance.now() - began) / 1000).toFixed(0)} s`)
  for (const use of indexUses) {
    const asked = performance.now()
    const { indexes, rows } = await database.attempt(database.roleUrl(use.role), (ask) => askedFor(ask, use))
    const used = indexes.includes(use.index) && rows > 0
    if (!used) process.exitCode = 1
    const took = (performance.now() - asked).toFixed(0)
    console.log(
      `${used ? 'used' : 'NOT USED'}  ${use.index}: ${rows} rows in ${took} ms, connection and plan included; by ${indexes.join(', ') || 'no index'}`,
    )
  }
} finally {
  await database.close()
}
