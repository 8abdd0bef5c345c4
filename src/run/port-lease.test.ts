import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { startChild } from '../process.ts'
import { leasePort } from './port-lease.ts'

/** Above every port that Aval chooses, so that no other test is in the way. */
const port = 61_000 + (process.pid % 4_000)

/** A process that says whether it got the lease, and then lives until it is told to end. */
async function contender() {
  const module = new URL('./port-lease.ts', import.meta.url).href
  const script = `const { leasePort } = await import('${module}'); console.log(leasePort(${port})); setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit())`
  const child = await startChild({ program: process.execPath, args: ['--input-type=module', '-e', script] })
  const { stdout } = child.process
  assert.ok(stdout)
  const [said] = await once(stdout, 'data')
  return { child, got: String(said).trim() === 'true' }
}

test('of several processes that want one port at the same moment, one gets it; it is free again when that one ends or dies', async () => {
  const all = await Promise.all([contender(), contender(), contender()])
  try {
    assert.equal(all.filter(({ got }) => got).length, 1)
    await all.find(({ got }) => got)?.child.stop()
    const next = await contender()
    assert.equal(next.got, true)
    await next.child.stop({ signal: 'SIGKILL' })
    assert.equal(leasePort(port), true)
    assert.equal(leasePort(port), true)
  } finally {
    await Promise.all(all.map(({ child }) => child.stop({ signal: 'SIGKILL' })))
  }
})
