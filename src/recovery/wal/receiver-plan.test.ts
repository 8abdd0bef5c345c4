import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { parsePlan } from '../../plan/plan.ts'
import { lagLimitOf, receiverOptionsOf, watchLag } from './receiver-plan.ts'

function recoveryOf(recovery: object) {
  const parsed = parsePlan({ system: 'shop', recovery })
  assert.ok('plan' in parsed, JSON.stringify(parsed))
  return parsed.plan.recovery
}

test('a plan that says no more lets commits wait for the store, however long', () => {
  const lines: string[] = []
  const options = receiverOptionsOf(recoveryOf({ synchronous: {} }), 'postgresql://x', (line) => lines.push(line))
  assert.equal(options.acknowledge, 'stored')
  assert.equal(options.synchronous?.whenAway, 'wait')
  options.synchronous?.onChange?.('degraded')
  assert.match(lines[0] ?? '', /WITHOUT/)
  assert.deepEqual(
    receiverOptionsOf(recoveryOf({}), 'postgresql://x', () => undefined),
    {},
  )
})

test('the strictest loss the WAL stands for is the limit, and never less than a few seconds', () => {
  const limit = (objectives: object) => lagLimitOf(recoveryOf({ objectives }))
  assert.equal(limit({}), 60_000)
  assert.equal(limit({ database: { rpo: '1h' }, region: { covers: 'region', rpo: '15m' } }), 900_000)
  assert.equal(limit({ database: { rpo: '1h' }, edge: { covers: 'deployment', rpo: '0' } }), 3_600_000)
  assert.equal(limit({ authentication: { rpo: '0' } }), 5_000)
})

test('falling behind is told once, catching up as well', async () => {
  const lines: string[] = []
  let storedMs = 0
  const steps: (() => void)[] = []
  const clock = {
    now: systemClock.now,
    sleep: (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        steps.push(resolve)
        signal?.addEventListener('abort', () => reject(signal.reason))
      }),
  }
  const lag = () => ({ receivedBytes: 0, spooledBytes: 0, storedBytes: 2_000_000, storedMs })
  const end = watchLag({ lag }, { limitMs: 10_000, clock, report: (line) => lines.push(line) })
  for (const next of [5_000, 30_000, 40_000, 2_000, 1_000]) {
    storedMs = next
    steps.pop()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  end()
  assert.equal(lines.length, 2, lines.join('\n'))
  assert.match(lines[0] ?? '', /30s and 2MB behind the server, more than the 10s/)
  assert.match(lines[1] ?? '', /caught up/)
})
