import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lagMeter } from './wal-lag.ts'

function meter(start = 0n) {
  let now = 1_000
  const lag = lagMeter(() => now, start)
  return { lag, pass: (ms: number) => (now += ms) }
}
const at = (lsn: bigint) => ({ received: lsn, spooled: lsn, stored: lsn })

test('WAL that is stored has no lag, however long ago it was written', () => {
  const { lag, pass } = meter()
  lag.server(500n)
  pass(60_000)
  assert.deepEqual(lag.lag(at(500n), true), { receivedBytes: 0, spooledBytes: 0, storedBytes: 0, storedMs: 0 })
})

test('the oldest WAL that waits tells the time, each position the bytes', () => {
  const { lag, pass } = meter()
  lag.server(500n)
  pass(3_000)
  lag.server(900n)
  pass(2_000)
  assert.deepEqual(lag.lag({ received: 900n, spooled: 700n, stored: 100n }, true), {
    receivedBytes: 0,
    spooledBytes: 200,
    storedBytes: 800,
    storedMs: 5_000,
  })
  assert.equal(lag.lag(at(600n), true).storedMs, 2_000)
})

test('without a connection nothing is known, so that the time since the last sign of life counts', () => {
  const { lag, pass } = meter()
  lag.server(500n)
  pass(7_000)
  assert.equal(lag.lag(at(500n), false).storedMs, 7_000)
})

test('a clock that is put back makes no lag negative', () => {
  const { lag, pass } = meter()
  lag.server(500n)
  pass(-3_600_000)
  assert.equal(lag.lag(at(0n), true).storedMs, 0)
  lag.server(700n)
  pass(1_000)
  assert.ok(lag.lag(at(0n), true).storedMs >= 0)
})

test('however much is seen, it never tells less time than there is', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ ms: fc.nat(400), bytes: fc.nat(1_000) }), { maxLength: 6_000 }), (steps) => {
      const { lag, pass } = meter()
      let end = 0n
      let now = 0
      const seen: { lsn: bigint; at: number }[] = []
      for (const { ms, bytes } of steps) {
        pass(ms)
        now += ms
        end += BigInt(bytes)
        lag.server(end)
        seen.push({ lsn: end, at: now })
      }
      const stored = end / 2n
      const oldest = seen.find(({ lsn }) => lsn > stored)
      const truth = oldest ? now - oldest.at : 0
      const { storedMs } = lag.lag(at(stored), true)
      assert.ok(storedMs >= truth, `${storedMs} told, ${truth} true`)
    }),
    { numRuns: 40 },
  )
})
