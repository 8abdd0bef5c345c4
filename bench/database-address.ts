import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Pool } from 'pg'
import { systemClock } from '../src/clock.ts'
import { findBinaries } from '../src/postgres/binaries.ts'
import { startServer } from '../src/postgres/launch.ts'
import { temporaryPlace } from '../src/postgres/place.ts'
import { openDatabaseAddress } from '../src/run/database-address.ts'

/*
 * What the address of the database costs: small reads and small commits, straight to the server and by way of it, turn and
 * turn about. Run: node bench/database-address.ts
 */

const clients = 8
const turnMs = 2_000
const turns = 5

const place = await temporaryPlace('aval-bench')
const binaries = await findBinaries('embedded')
const server = await startServer({ dataDirectory: join(place.path, 'data'), binaries, clock: systemClock })
const address = await openDatabaseAddress()
address.pointTo(server)
const straight = new Pool({ connectionString: server.url(), max: clients })
const through = new Pool({ connectionString: address.through(server.url()), max: clients })
try {
  await straight.query('CREATE TABLE bench (number int PRIMARY KEY, filler text)')
  await straight.query("INSERT INTO bench SELECT g, 'x' FROM generate_series(1, 10000) g")
  const work = {
    reads: 'SELECT filler FROM bench WHERE number = $1',
    commits: 'UPDATE bench SET filler = filler WHERE number = $1',
  }
  console.log(`Postgres ${server.version}, Node ${process.version}, ${clients} clients, medians of ${turns} turns`)
  for (const [name, sql] of Object.entries(work)) {
    const rates = { straight: [] as number[], through: [] as number[] }
    for (let turn = 0; turn < turns; turn++) {
      rates.straight.push(await rate(straight, sql))
      rates.through.push(await rate(through, sql))
    }
    const [one, other] = [median(rates.straight), median(rates.through)]
    console.log(
      `${name}: straight ${one.toFixed(0)}/s, through ${other.toFixed(0)}/s, ratio ${(other / one).toFixed(2)}`,
    )
  }
} finally {
  await straight.end()
  await through.end()
  await address.close()
  await server.stop()
  await rm(place.path, { recursive: true, force: true })
}

async function rate(pool: Pool, sql: string): Promise<number> {
  const until = performance.now() + turnMs
  let done = 0
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let turn = 0; performance.now() < until; turn++) {
        await pool.query(sql, [1 + ((client * 997 + turn) % 10_000)])
        done++
      }
    }),
  )
  return (done * 1000) / turnMs
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}
