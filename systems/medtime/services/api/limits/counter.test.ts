import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { freePort } from '../../../../../src/run/free-port.ts'
import { migrate, startTestServer, type TestServer } from '../../../test/database.ts'
import { type Database, openDatabase } from '../database.ts'
import { connectRedis, type Redis } from '../redis.ts'
import { type Bucket, type Counter, slicesOfWindow } from './counter.ts'
import { counterInTurns } from './counter-in-turns.ts'
import { postgresTally } from './postgres-tally.ts'
import { redisTally, tallyWithReserve } from './redis-tally.ts'

const minute = 60_000
const bucket = (allowed: number, name = `b:${randomUUID().slice(0, 20)}`): Bucket => ({
  key: name,
  allowed,
  windowMs: minute,
})

/** What every counter owes, whatever it counts in. */
function contract(instances: () => [Counter, Counter]): void {
  test('of three times the limit at once over two instances, exactly the limit passes', async () => {
    const [one, other] = instances()
    const [address, user] = [bucket(1_000), bucket(25)]
    const now = 1_800_000_000_123
    const taken = await Promise.all(
      Array.from({ length: 75 }, (_, index) => (index % 2 === 0 ? one : other).take([address, user], now + index)),
    )
    assert.equal(taken.filter(({ allowed }) => allowed).length, 25)
    const [count] = (await one.take([address], now + 100)).counts
    assert.equal(count?.used, 26, 'what the user was refused did not count against the address')
  })

  test('never more than the limit in any minute, and never fewer than a count by slices allows', async () => {
    const [counter] = instances()
    const gaps = fc.array(fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 20_000 })), {
      minLength: 20,
      maxLength: 60,
    })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), gaps, async (limit, waits) => {
        const own = bucket(limit)
        const passed: number[] = []
        let now = 1_800_000_000_000
        for (const wait of waits) {
          now += wait
          const slice = (time: number) => Math.floor(time / (minute / slicesOfWindow))
          const counted = passed.filter((time) => slice(time) >= slice(now) - slicesOfWindow)
          const { allowed, counts } = await counter.take([own], now)
          assert.equal(allowed, counted.length < limit)
          if (allowed) passed.push(now)
          assert.equal(counts[0]?.used, counted.length + (allowed ? 1 : 0))
          assert.ok(passed.filter((time) => time > now - minute).length <= limit)
        }
      }),
      { numRuns: 5 },
    )
  })

  test('who waits as long as told passes, and who comes a moment earlier does not', async () => {
    const [counter] = instances()
    const own = bucket(3)
    const start = 1_800_000_000_900
    for (const at of [0, 20_000, 40_000]) assert.ok((await counter.take([own], start + at)).allowed)
    const refused = await counter.take([own], start + 50_000)
    assert.equal(refused.allowed, false)
    const wait = refused.counts[0]?.freesMs ?? 0
    assert.ok(wait > 10_000 && wait <= 11_000)
    assert.equal((await counter.take([own], start + 50_000 + wait - 1)).allowed, false)
    assert.equal((await counter.take([own], start + 50_000 + wait)).allowed, true)
  })

  test('an instance whose clock lags neither gives more nor forgets what was counted', async () => {
    const [ahead, behind] = instances()
    const own = bucket(4)
    const now = 1_800_000_000_000
    for (const _ of [1, 2]) assert.ok((await ahead.take([own], now)).allowed)
    for (const _ of [1, 2]) assert.ok((await behind.take([own], now - 45_000)).allowed)
    assert.equal((await behind.take([own], now - 45_000)).allowed, false)
    assert.equal((await ahead.take([own], now + 59_000)).allowed, false)
  })
}

let server: TestServer
let databases: [Database, Database]
before(async () => {
  server = await startTestServer()
  const prepared = await server.createDatabase('counting')
  await migrate(prepared.ownerUrl)
  const open = () =>
    openDatabase({
      url: prepared.roleUrl('medtime_api'),
      poolSize: 8,
      onStatement: () => undefined,
      onLostConnection: () => undefined,
    })
  databases = [open(), open()]
})
after(async () => {
  await Promise.all(databases.map((database) => database.close()))
  await server.stop()
})

const program = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0)
const reason = program === undefined ? 'neither redis-server nor valkey-server is installed' : false

describe('counting in Redis', { skip: reason }, () => {
  let child: ChildProcess
  let folder: string
  let clients: [Redis, Redis]
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limits-redis-'))
    const port = await freePort()
    child = spawn(program ?? '', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder], {
      stdio: 'ignore',
    })
    const open = () => connectRedis(`redis://127.0.0.1:${port}`)
    clients = [await open(), await open()]
    const deadline = Date.now() + 10_000
    for (const tally of clients.map(redisTally)) {
      const wanted = [{ key: 'ready', allowed: 100_000, windowMs: minute, count: 1, slice: 1 }]
      while (
        !(await tally.take(wanted).then(
          () => true,
          () => false,
        ))
      ) {
        assert.ok(Date.now() < deadline, 'the server is there in time')
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  })
  after(async () => {
    for (const client of clients ?? []) client.destroy()
    child?.kill()
    await rm(folder, { recursive: true })
  })
  contract(() => [counterInTurns(redisTally(clients[0])), counterInTurns(redisTally(clients[1]))])
})

test('where Redis does not answer, Postgres counts, and as exactly', async () => {
  const client = await connectRedis(`redis://127.0.0.1:${await freePort()}`)
  const away = redisTally(client)
  try {
    const counter = counterInTurns(tallyWithReserve(away, postgresTally(databases[0].run)))
    const own = bucket(5)
    const taken = await Promise.all(Array.from({ length: 15 }, () => counter.take([own], 1_800_000_000_000)))
    assert.equal(taken.filter(({ allowed }) => allowed).length, 5)
  } finally {
    client.destroy()
  }
})

describe('counting in Postgres', () => {
  contract(() => [counterInTurns(postgresTally(databases[0].run)), counterInTurns(postgresTally(databases[1].run))])
})
