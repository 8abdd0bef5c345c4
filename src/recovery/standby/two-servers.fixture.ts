import assert from 'node:assert/strict'
import { systemClock } from '../../clock.ts'
import { connect, withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import type { OwnedServer, Server } from '../../postgres/server.ts'
import { makePlace, type Place } from '../cluster.fixture.ts'
import { createStandby } from './create-standby.ts'
import type { PrimaryAddress } from './link.ts'

/** Two servers of which one follows the other. */
export interface TwoServers {
  place: Place
  pairFile: string
  primary: OwnedServer
  standby: OwnedServer
  log: string[]
  start(dataDirectory: string): Promise<OwnedServer>
}

interface TwoOptions {
  synchronous: boolean
  binaries?: 'embedded' | 'installed'
  /** Where the standby reaches the primary, when not directly. */
  address?: (primary: OwnedServer) => Promise<PrimaryAddress>
  settings?: Record<string, string | number | boolean>
}

export async function twoServers(options: TwoOptions): Promise<TwoServers> {
  const place = await makePlace(options.binaries)
  try {
    return await makeTwo(place, options)
  } catch (error) {
    // A server left running would keep the tests from ending.
    await place.remove()
    throw error
  }
}

async function makeTwo(place: Place, options: TwoOptions): Promise<TwoServers> {
  const primary = await place.server('one', options.settings)
  await query(primary, 'CREATE TABLE deeds (number int PRIMARY KEY, filler text)')
  const log: string[] = []
  const start = async (dataDirectory: string) =>
    place.adopt(
      await startServer({
        dataDirectory,
        binaries: place.binaries,
        clock: systemClock,
        log: (line) => log.push(line),
      }),
    )
  const pairFile = place.path('pair', 'pair.json')
  const { server: standby } = await createStandby({
    primary,
    pairFile,
    directory: place.path('two'),
    synchronous: options.synchronous,
    clock: systemClock,
    start,
    log: (line) => log.push(line),
    ...(options.address ? { primaryAddress: await options.address(primary) } : {}),
  })
  return { place, pairFile, primary, standby, log, start }
}

export async function query(server: Server, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  return withClient(server.url(), async (client) => {
    const { rows } = await client.query<Record<string, unknown>>(sql, values)
    return rows
  })
}

export interface Writer {
  /** Numbers whose commit the server acknowledged. */
  acknowledged: number[]
  /** Resolves when the connection broke or `stop` was called. */
  ended: Promise<void>
  stop(): void
}

/** Writes one number after another over one connection until that breaks. */
export async function writeOn(server: Server, from = 1): Promise<Writer> {
  const client = await connect(server.url())
  let stopped = false
  const acknowledged: number[] = []
  const run = async () => {
    try {
      for (let number = from; !stopped; number++) {
        await client.query("INSERT INTO deeds VALUES ($1, repeat('x', 200))", [number])
        acknowledged.push(number)
      }
    } catch {
      // The server is gone; what it had not acknowledged does not count.
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  const ended = run()
  return {
    acknowledged,
    ended,
    stop: () => {
      stopped = true
    },
  }
}

export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`)
    await systemClock.sleep(20)
  }
}

export async function numbersOn(server: Server): Promise<number[]> {
  const rows = await query(server, 'SELECT number FROM deeds ORDER BY number')
  return rows.map((row) => Number(row['number']))
}

/** A checksum over every row of the table. */
export async function digestOf(server: Server): Promise<unknown> {
  const [row] = await query(
    server,
    "SELECT count(*)::int AS rows, md5(string_agg(deeds::text, ',' ORDER BY number)) AS digest FROM deeds",
  )
  return row
}
