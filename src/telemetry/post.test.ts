import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { z } from 'zod'
import { startReceiver } from '../receivers/receiver.ts'
import { list } from './allow-list.fixture.ts'
import { post } from './post.ts'
import { createTelemetry } from './telemetry.ts'

test('a text arrives whole, where its path says, with what the collector is to be told', async (t) => {
  const body = JSON.stringify({ text: 'ñ'.repeat(100_000) })
  const seen: unknown[] = []
  const receiver = await startReceiver(({ path, headers, ...request }) => {
    seen.push([path, headers['content-type'], headers['authorization'], request.body === body])
    return { status: 200 }
  })
  t.after(() => receiver.stop())
  await post({ address: `${receiver.origin}/`, headers: { authorization: 'Bearer x' } }, '/v1/logs', body)
  assert.deepEqual(seen, [['/v1/logs', 'application/json', 'Bearer x', true]])
})

test('a connection that the other side ended while nobody used it loses nothing', async (t) => {
  let taken = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      taken++
      response.end()
    })
  })
  // Told nothing of when connections end, the sender takes them up again.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = z.object({ port: z.number() }).parse(server.address())
  for (let n = 0; n < 5; n++) {
    await post({ address: `http://127.0.0.1:${port}` }, '/v1/traces', '{}')
    server.closeAllConnections()
  }
  assert.equal(taken, 5)
})

test('what a collector refuses, or what finds none, is counted', async (t) => {
  const receiver = await startReceiver(() => ({ status: 503 }))
  await assert.rejects(post({ address: receiver.origin }, '/v1/traces', '{}'), /status 503/)
  const telemetry = createTelemetry(list, { service: 'api', otlpLogs: { address: receiver.origin } })
  t.after(() => telemetry.close())
  telemetry.log.info('listening')
  telemetry.log.info('listening')
  await telemetry.flush()
  await receiver.stop()
  telemetry.log.info('listening')
  await telemetry.flush()
  assert.match(await telemetry.metrics.text(), /telemetry_refused_total\{kind="full",label="other"\} 3/)
})
