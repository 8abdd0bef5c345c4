import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { migrate, startTestServer, type TestServer } from '../../../test/database.ts'
import { type Database, openDatabase } from '../database.ts'
import { type Bucket, type Counter, slicesOfWindow } from './counter.ts'
import { counterInTurns } from './counter-in-turns.ts'
import { postgresTally } from './postgres-tally.ts'

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

describe('counting in Postgres', () => {
  contract(() => [counterInTurns(postgresTally(databases[0].run)), counterInTurns(postgresTally(databases[1].run))])
})
