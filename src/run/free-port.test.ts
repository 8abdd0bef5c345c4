import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { freePort, isFree, loopback } from './free-port.ts'

test('the preferred port is given when it is free, and another when it is not', async (t) => {
  const preferred = await freePort()
  assert.equal(await freePort(preferred), preferred)
  const holder = createServer().listen(preferred, loopback)
  t.after(() => holder.close())
  await once(holder, 'listening')
  const other = await freePort(preferred)
  assert.notEqual(other, preferred)
  assert.ok(await isFree(other))
})

test('a port promised to somebody else is not given again', async () => {
  const preferred = await freePort()
  assert.notEqual(await freePort(preferred, new Set([preferred])), preferred)
})

test('ports lie below those that outgoing connections use, so that a stopped service gets its own back', async () => {
  assert.ok((await freePort()) < 32_768)
})
