import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from 'pg'
import { systemClock } from '../clock.ts'
import { makePlace } from '../recovery/cluster.fixture.ts'
import { openDatabaseAddress } from './database-address.ts'

test('a pool finds the server behind the address, whichever that is, and nobody gets in while there is none', async (t) => {
  const place = await makePlace()
  const [one, other] = [await place.server('one'), await place.server('other')]
  const address = await openDatabaseAddress()
  const pools = [one, other].map((server) => new Pool({ connectionString: address.through(server.url()), max: 3 }))
  t.after(async () => {
    for (const pool of pools) await pool.end()
    await address.close()
    await place.remove()
  })
  for (const pool of pools) pool.on('error', () => undefined)
  const [first, second] = pools
  assert.ok(first && second)
  const port = async (pool: Pool): Promise<unknown> => (await pool.query<{ port: string }>('SHOW port')).rows[0]?.port

  await assert.rejects(port(first))
  address.pointTo(one)
  assert.equal(await port(first), String(one.port))
  const waiting = first.query('SELECT pg_sleep(600)')
  address.pointTo(other)
  await assert.rejects(waiting, 'a query on the server before is cut, and does not hang')
  const deadline = systemClock.now() + 10_000
  let found: unknown
  while (found !== String(other.port)) {
    assert.ok(systemClock.now() < deadline, 'in time: it reaches the other server')
    found = await port(second).catch(() => undefined)
  }
  address.pointTo(undefined)
  await assert.rejects(port(second))
})

test('an answer larger than any buffer, and many at once, come through whole', async (t) => {
  const place = await makePlace()
  const server = await place.server()
  const address = await openDatabaseAddress()
  address.pointTo(server)
  const pool = new Pool({ connectionString: address.through(server.url()), max: 8 })
  // The end of the server may be heard before the end of the pool is done.
  pool.on('error', () => undefined)
  t.after(async () => {
    await pool.end()
    await address.close()
    await place.remove()
  })
  const sizes = await Promise.all(
    Array.from({ length: 8 }, async (_, number) => {
      const { rows } = await pool.query<{ text: string }>('SELECT repeat($1, 4000000) AS text', [String(number)])
      return rows[0]?.text === String(number).repeat(4_000_000)
    }),
  )
  assert.deepEqual(sizes, Array(8).fill(true))
})
