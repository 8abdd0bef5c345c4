import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { findBinaries } from '../../postgres/binaries.ts'
import { withClient } from '../../postgres/connection.ts'
import { readPair } from './pair.ts'
import { promoteStandby } from './promote-standby.ts'
import { type RejoinOptions, rejoinStandby } from './rejoin-standby.ts'
import { standbyStatus } from './standby-status.ts'
import { digestOf, query, type TwoServers, twoServers, until } from './two-servers.fixture.ts'

const clock = systemClock

/** Fails over with five rows that only the old primary has, and lets the new one write on. */
async function divergedPair(choice: 'embedded' | 'installed', synchronous: boolean): Promise<TwoServers> {
  const two = await twoServers({ synchronous, binaries: choice })
  try {
    return await diverge(two)
  } catch (error) {
    await two.place.remove()
    throw error
  }
}

async function diverge(two: TwoServers): Promise<TwoServers> {
  const { primary, standby, pairFile } = two
  await query(primary, "INSERT INTO deeds SELECT g, repeat('y', 500) FROM generate_series(1, 5000) g")
  await until('the standby has them', async () => (await standbyStatus(primary, standby)).lagBytes === 0)
  await standby.stop('immediate')
  // In synchronous mode nobody is told of these; the old primary has them all the same.
  await withClient(primary.url(), async (client) => {
    await client.query('SET synchronous_commit = local')
    for (let number = 1; number <= 5; number++) await client.query('INSERT INTO deeds VALUES ($1)', [-number])
  })
  await primary.kill()
  const alone = await two.start(standby.dataDirectory)
  await promoteStandby({ pairFile, clock, primary, standby: alone, force: true })
  await query(alone, "INSERT INTO deeds SELECT g, 'after' FROM generate_series(5001, 6000) g")
  return { ...two, primary: alone, standby: primary }
}

function rejoining(two: TwoServers, more: Partial<RejoinOptions> = {}): RejoinOptions {
  const { place, pairFile, primary, start, log } = two
  return { pairFile, clock, primary, binaries: place.binaries, start, log: (line) => log.push(line), ...more }
}

async function assertFollows(two: TwoServers, server: TwoServers['standby']): Promise<void> {
  await query(two.primary, "INSERT INTO deeds VALUES (9000, 'followed')")
  await until('it has caught up', async () => (await standbyStatus(two.primary, server)).lagMs === 0)
  assert.deepEqual(await digestOf(server), await digestOf(two.primary))
  assert.equal((await readPair(two.pairFile))?.state, 'following')
  assert.equal((await standbyStatus(two.primary, server)).repair, undefined)
}

describe('an old primary comes back as the standby', () => {
  test('by copying what differs, what it committed alone put aside', async (t) => {
    const two = await divergedPair('embedded', false)
    t.after(two.place.remove)
    // Broken off in the middle, the directory is no cluster and the call is repeated.
    const stopping = new AbortController()
    const broken = rejoinStandby(
      rejoining(two, { signal: stopping.signal, onProgress: () => stopping.abort(new Error('stop')) }),
    )
    await assert.rejects(broken, new Error('stop'))
    await assert.rejects(two.start(two.standby.dataDirectory))

    const { server, method, copy } = await rejoinStandby(rejoining(two))
    assert.equal(method, 'delta')
    assert.ok(copy && copy.writtenBytes < copy.bytes / 2, `${copy?.writtenBytes} of ${copy?.bytes} bytes were written`)
    const aside = `${two.standby.dataDirectory}.diverged-2`
    const told: unknown = JSON.parse(readFileSync(join(aside, 'diverged.json'), 'utf8'))
    assert.partialDeepStrictEqual(told, { commits: 5, timeline: 1 })
    assert.ok(readdirSync(aside).some((name) => /^00000001[0-9A-F]{16}$/.test(name)))
    assert.ok(
      two.log.some((line) => line.includes(aside)),
      'it says where they are',
    )
    assert.ok(!existsSync(`${two.standby.dataDirectory}.fenced`))
    await assertFollows(two, server)
  })

  test('by pg_rewind where that is installed, and in synchronous mode commits wait for it again', async (t) => {
    const binaries = await findBinaries('installed').catch(() => undefined)
    if (binaries === undefined || !existsSync(join(binaries.directory, 'pg_rewind')))
      return t.skip('no pg_rewind is installed on this machine')
    const two = await divergedPair('installed', true)
    t.after(two.place.remove)
    const { server, method, aside } = await rejoinStandby(rejoining(two))
    assert.equal(method, 'rewind', two.log.join('\n'))
    assert.equal(aside?.commits, 5)
    await assertFollows(two, server)
    assert.equal((await standbyStatus(two.primary, server)).primary?.syncState, 'sync')
  })
})

test('a standby whose slot was lost says so and is brought back', async (t) => {
  const two = await twoServers({
    synchronous: false,
    settings: { max_slot_wal_keep_size: '64MB', wal_keep_size: 0, min_wal_size: '32MB', max_wal_size: '32MB' },
  })
  t.after(two.place.remove)
  const { primary, standby } = two
  await standby.stop()
  await until('the slot is lost', async () => {
    await query(primary, "INSERT INTO deeds VALUES ((random() * 1e9)::int, 'x') ON CONFLICT DO NOTHING")
    await query(primary, 'SELECT pg_switch_wal()')
    await query(primary, 'CHECKPOINT')
    return (await standbyStatus(primary, undefined)).primary?.slot === 'lost'
  })
  const again = await two.start(standby.dataDirectory)
  const status = await standbyStatus(primary, again)
  assert.equal(status.streaming, false)
  assert.match(status.repair ?? '', /no longer has WAL.*aval standby rejoin/)
  await again.stop()
  const { server } = await rejoinStandby(rejoining(two))
  await assertFollows(two, server)
})
