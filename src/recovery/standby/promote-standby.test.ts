import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { AvalError } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { signalServer } from '../../postgres/leftover.ts'
import { serverProcesses } from '../../postgres/server-processes.ts'
import { readPair } from './pair.ts'
import { type PromotionStep, promoteStandby } from './promote-standby.ts'
import { standbyStatus } from './standby-status.ts'
import { tcpProxy } from './tcp-proxy.fixture.ts'
import { numbersOn, query, twoServers, until, writeOn } from './two-servers.fixture.ts'

const clock = systemClock

describe('a standby that follows asynchronously', () => {
  test('is promoted with the loss stated to the transaction, and the old primary refuses to start', async (t) => {
    let wire: Awaited<ReturnType<typeof tcpProxy>> | undefined
    const two = await twoServers({
      synchronous: false,
      address: async ({ port }) => {
        wire = await tcpProxy({ host: '127.0.0.1', port })
        return { host: '127.0.0.1', port: wire.port }
      },
    })
    t.after(async () => {
      await two.place.remove()
      await wire?.close()
    })
    const { primary, standby, pairFile } = two
    const status = await standbyStatus(primary, standby)
    assert.equal(status.streaming, true)
    assert.equal(status.primary?.slot, 'active')
    assert.equal(status.primary?.syncState, 'async')
    assert.equal(status.repair, undefined)

    const writer = await writeOn(primary)
    await until('some writes arrived', async () => (await numbersOn(standby)).length > 20)
    wire?.cut()
    const before = writer.acknowledged.length
    await until('more was written', () => writer.acknowledged.length > before + 50)
    await assert.rejects(
      promoteStandby({ pairFile, clock, primary, standby, force: true }),
      code('STANDBY_PRIMARY_ANSWERS'),
    )
    await primary.kill()
    await writer.ended

    await assert.rejects(promoteStandby({ pairFile, clock, primary, standby }), (error) => {
      assert.ok(error instanceof AvalError)
      assert.equal(error.code, 'STANDBY_BEHIND')
      assert.match(error.message, /\d+ transactions are lost, committed from 2/)
      return true
    })
    assert.equal((await readPair(pairFile))?.generation, 1, 'a refusal changes nothing')
    const settled: string[] = []
    const promotion = await promoteStandby({
      pairFile,
      clock,
      primary,
      standby,
      force: true,
      afterLoss: async () => {
        settled.push('afterLoss')
      },
    })
    const there = await numbersOn(standby)
    const lost = writer.acknowledged.filter((number) => !there.includes(number))
    assert.ok(lost.length >= 50)
    assert.equal(promotion.loss.kind, 'measured')
    const stated = promotion.loss.kind === 'measured' ? promotion.loss.commits : -1
    // The last one may have committed without anybody being told.
    assert.ok(stated === lost.length || stated === lost.length + 1, `${stated} stated, ${lost.length} lost`)
    assert.deepEqual(settled, ['afterLoss'])
    assert.deepEqual([promotion.generation, promotion.timeline], [2, 2])
    await query(standby, "INSERT INTO deeds VALUES (-1, 'after')")
    await assert.rejects(two.start(primary.dataDirectory), code('POSTGRES_FENCED'))
    assert.ok(existsSync(`${primary.dataDirectory}/standby.signal`), 'Postgres itself takes no writes there either')
    assert.deepEqual(await readPair(pairFile), {
      format: 1,
      generation: 2,
      primary: standby.dataDirectory,
      standby: primary.dataDirectory,
      state: 'fenced',
      synchronous: false,
    })
  })

  test('changes roles with a primary that runs without any loss', async (t) => {
    const two = await twoServers({ synchronous: false })
    t.after(two.place.remove)
    const { primary, standby, pairFile } = two
    const writer = await writeOn(primary)
    await until('writes', () => writer.acknowledged.length > 50)
    const { loss } = await promoteStandby({ pairFile, clock, primary, standby, planned: true })
    await writer.ended
    assert.deepEqual(loss, { kind: 'none', because: 'received' })
    const there = new Set(await numbersOn(standby))
    assert.deepEqual(
      writer.acknowledged.filter((number) => !there.has(number)),
      [],
    )
  })
})

describe('a standby that commits wait for', () => {
  for (const fault of ['killed', 'cut off', 'stopped by SIGSTOP'] as const) {
    test(`loses no acknowledged write when the primary is ${fault}`, async (t) => {
      let wire: Awaited<ReturnType<typeof tcpProxy>> | undefined
      const two = await twoServers({
        synchronous: true,
        address: async ({ port }) => {
          wire = await tcpProxy({ host: '127.0.0.1', port })
          return { host: '127.0.0.1', port: wire.port }
        },
      })
      t.after(async () => {
        await two.place.remove()
        await wire?.close()
      })
      const { primary, standby, pairFile } = two
      const writer = await writeOn(primary)
      await until('writes', () => writer.acknowledged.length > 50)
      assert.equal((await standbyStatus(primary, standby)).primary?.syncState, 'sync')
      let planned = false
      if (fault === 'killed') await primary.kill()
      if (fault === 'stopped by SIGSTOP') await signalServer(primary.dataDirectory, 'SIGSTOP')
      if (fault === 'cut off') {
        wire?.cut()
        const stuck = await settledCount(writer.acknowledged)
        assert.equal(writer.acknowledged.length, stuck, 'a primary without its standby acknowledges nothing')
        const waiting = await query(primary, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        assert.ok(waiting.length > 0)
        // Whoever fails over from a primary that answers on this machine ends it first.
        await primary.kill()
        planned = false
      }
      const { loss } = await promoteStandby({ pairFile, clock, primary, standby, planned })
      await writer.ended
      assert.deepEqual(loss, { kind: 'none', because: 'synchronous' })
      const there = new Set(await numbersOn(standby))
      assert.deepEqual(
        writer.acknowledged.filter((number) => !there.has(number)),
        [],
      )
      assert.deepEqual(await serverProcesses(primary.dataDirectory), [], 'the old primary is ended')
      // The new primary has no standby: its commits wait for nobody.
      await withClient(standby.url(), (client) => client.query("INSERT INTO deeds VALUES (-1, 'after')"))
    })
  }
})

describe('a promotion that is broken off', () => {
  test('before any of its steps is carried on by the next call', async (t) => {
    const two = await twoServers({ synchronous: true })
    t.after(two.place.remove)
    const { primary, pairFile } = two
    let { standby } = two
    await query(primary, 'INSERT INTO deeds SELECT g FROM generate_series(1, 100) g')
    await primary.kill()
    const order: PromotionStep[] = ['lag', 'down', 'begin', 'fence', 'promote', 'settle', 'record']
    for (const broken of order) {
      const promotion = promoteStandby({
        pairFile,
        clock,
        primary: undefined,
        standby,
        onStep: (step) => {
          if (step === broken) throw new Error(`died before ${step}`)
        },
      })
      await assert.rejects(promotion, new Error(`died before ${broken}`))
      // What a crash of Aval leaves: the server ends with it, and is started again.
      await standby.kill()
      standby = await two.start(standby.dataDirectory)
    }
    const { generation, loss } = await promoteStandby({ pairFile, clock, primary: undefined, standby })
    assert.deepEqual([generation, loss.kind], [2, 'none'])
    assert.equal((await numbersOn(standby)).length, 100)
    assert.equal((await readPair(pairFile))?.primary, standby.dataDirectory)
  })
})

/** The count once it has stopped growing. */
async function settledCount(list: readonly unknown[]): Promise<number> {
  let count = -1
  await until('nothing is acknowledged any more', async () => {
    const before = count
    count = list.length
    await clock.sleep(300)
    return count === before && list.length === count
  })
  return count
}

function code(wanted: string) {
  return (error: unknown) => error instanceof AvalError && error.code === wanted
}
