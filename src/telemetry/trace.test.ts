import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import { Pool } from 'pg'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { startServer } from '../postgres/launch.ts'
import { temporaryPlace } from '../postgres/place.ts'
import { startCollector } from '../receivers/collector.ts'
import { list } from './allow-list.fixture.ts'
import { callService } from './calls.ts'
import { type Answered, observeRequests } from './requests.ts'
import { observeStatements, type Statement, statementId } from './statements.ts'
import { createTelemetry } from './telemetry.ts'
import { carried, currentContext } from './trace-context.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'
const correlationId = '9f2b1f0e-57a5-4a1f-9a32-0d3b3f8f2b11'
const seen = z.object({ traceId: z.string(), correlationId: z.string() })

/** A service whose spans go to a collector; each route answers with the context it runs in. */
async function startService(t: TestContext, target?: string) {
  const collector = await startCollector()
  t.after(() => collector.stop())
  const telemetry = createTelemetry(list, { service: 'api', otlp: { address: collector.origin } })
  const answered: Omit<Answered, 'request' | 'milliseconds' | 'bytes'>[] = []
  const server = Fastify()
  observeRequests(server, {
    tracer: telemetry.tracer,
    answered: ({ method, endpoint, status }) => answered.push({ method, endpoint, status }),
  })
  server.post('/orders', async () => currentContext())
  server.get('/orders/:id', async () => {
    if (target === undefined) throw new Error('losartan')
    return (
      await callService(telemetry.tracer, `${target}/orders`, { method: 'POST', body: '{}', headers: json })
    ).json()
  })
  const address = await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await server.close()
    await telemetry.close()
  })
  return { address, collector, telemetry, answered }
}
const json = { 'content-type': 'application/json' }

test('a request goes on with the trace and the correlation id it came with, also once its body was read', async (t) => {
  const { address, collector, telemetry } = await startService(t)
  const response = await fetch(`${address}/orders?q=losartan`, {
    method: 'POST',
    headers: { ...json, traceparent: `00-${traceId}-${spanId}-01`, 'x-correlation-id': correlationId },
    body: JSON.stringify({ text: 'x'.repeat(100_000) }),
  })
  assert.deepEqual(seen.parse(await response.json()), { traceId, correlationId })
  assert.equal(response.headers.get('x-correlation-id'), correlationId)
  await telemetry.flush()
  assert.ok(collector.answers.every((status) => status === 200))
  const [span] = collector.spans
  assert.deepEqual(
    [span?.traceId, span?.parentSpanId, span?.name, span?.kind, span?.status],
    [traceId, spanId, 'request', 2, {}],
  )
  assert.doesNotMatch(JSON.stringify(collector.spans), /losartan/)
})

test('ids are made where none came, and where what came could be something else', async (t) => {
  const { address } = await startService(t)
  const response = await fetch(`${address}/orders`, {
    method: 'POST',
    headers: { ...json, traceparent: 'losartan', 'x-correlation-id': 'losartan' },
    body: '{}',
  })
  const context = seen.parse(await response.json())
  assert.match(context.traceId, /^[0-9a-f]{32}$/)
  assert.match(context.correlationId, /^[0-9a-f-]{36}$/)
  assert.equal(response.headers.get('x-correlation-id'), context.correlationId)
})

test('requests at the same time keep their contexts apart', async (t) => {
  const { address } = await startService(t)
  const ids = Array.from({ length: 40 }, () => crypto.randomUUID())
  const answers = await Promise.all(
    ids.map(async (id) => {
      const headers = { ...json, 'x-correlation-id': id }
      const response = await fetch(`${address}/orders`, { method: 'POST', headers, body: '{"a":1}' })
      return seen.parse(await response.json()).correlationId
    }),
  )
  assert.deepEqual(answers, ids)
})

test('a call of another service carries the ids along, and its span stands between the two', async (t) => {
  const inner = await startService(t)
  const outer = await startService(t, inner.address)
  const response = await fetch(`${outer.address}/orders/7`, { headers: { 'x-correlation-id': correlationId } })
  const context = seen.parse(await response.json())
  assert.equal(context.correlationId, correlationId)
  await Promise.all([outer.telemetry.flush(), inner.telemetry.flush()])
  const call = outer.collector.spans.find(({ name }) => name === 'call')
  const request = outer.collector.spans.find(({ name }) => name === 'request')
  assert.equal(call?.parentSpanId, request?.spanId)
  assert.equal(inner.collector.spans[0]?.parentSpanId, call?.spanId)
  assert.equal(inner.collector.spans[0]?.traceId, context.traceId)
})

test('a request that fails is a failed span, told by its route alone', async (t) => {
  const { address, collector, telemetry, answered } = await startService(t)
  await fetch(`${address}/orders/losartan?q=losartan`)
  await fetch(`${address}/losartan`)
  await telemetry.flush()
  assert.deepEqual(answered, [
    { method: 'GET', endpoint: '/orders/{id}', status: 500 },
    { method: 'GET', endpoint: 'other', status: 404 },
  ])
  assert.deepEqual(
    collector.spans.map(({ status }) => status),
    [{ code: 2 }, {}],
  )
  assert.doesNotMatch(JSON.stringify([collector.spans, collector.metrics]), /losartan/)
})

test('a job goes on where it was ordered', async (t) => {
  const { telemetry, collector } = await startService(t)
  const { tracer } = telemetry
  const kept = await tracer.run('request', {}, async () => carried())
  const context = await tracer.run('job', { job: 'mail' }, async () => currentContext(), kept)
  assert.equal(context?.correlationId, kept?.correlationId)
  await assert.rejects(
    tracer.run('job', { job: 'clean' }, () => Promise.reject(new Error('x'))),
    /x/,
  )
  await telemetry.flush()
  const [ordered, done, failed] = collector.spans
  assert.deepEqual([done?.traceId, done?.parentSpanId], [ordered?.traceId, ordered?.spanId])
  assert.deepEqual([done?.status, failed?.status], [{}, { code: 2 }])
})

test('figures reach a collector with what lies in each bucket', async (t) => {
  const { telemetry, collector } = await startService(t)
  for (const seconds of [0.05, 0.5, 0.6, 2]) telemetry.metrics.observe('request_seconds', seconds)
  telemetry.metrics.count('requests_total', { method: 'GET', status: 'losartan' })
  telemetry.metrics.read('waiting', () => 3)
  await telemetry.flush()
  const told = (name: string) => collector.metrics.find((metric) => metric.name === name)
  const histogram = z.object({
    histogram: z.object({ dataPoints: z.tuple([z.object({ bucketCounts: z.array(z.string()) })]) }),
  })
  assert.deepEqual(histogram.parse(told('request_seconds')).histogram.dataPoints[0].bucketCounts, ['1', '2', '1'])
  assert.match(JSON.stringify(told('requests_total')), /"stringValue":"other".*"asDouble":1/)
  assert.match(JSON.stringify(told('waiting')), /"asDouble":3/)
})

test('lines reach a collector in the trace they were told in, with what the list allows and nothing else', async (t) => {
  const collector = await startCollector()
  t.after(() => collector.stop())
  const to = { address: collector.origin }
  const telemetry = createTelemetry(list, { service: 'api', otlpLogs: to, otlp: to, now: () => 1_700_000_000_000 })
  t.after(() => telemetry.close())
  telemetry.log.info('listening')
  await telemetry.tracer.run('request', {}, async () =>
    telemetry.log.error('failed', { request_id: correlationId, endpoint: '/losartan', count: 3 }),
  )
  await telemetry.flush()
  assert.ok(collector.answers.every((status) => status === 200))
  const [began, failed] = collector.lines
  const at = { timeUnixNano: '1700000000000000000' }
  const body = (stringValue: string) => ({ body: { stringValue } })
  assert.deepEqual(began, { ...at, severityNumber: 9, severityText: 'INFO', ...body('listening'), attributes: [] })
  const [span] = collector.spans
  assert.deepEqual(failed, {
    ...at,
    severityNumber: 17,
    severityText: 'ERROR',
    ...body('failed'),
    attributes: [
      { key: 'request_id', value: { stringValue: correlationId } },
      { key: 'endpoint', value: { stringValue: 'other' } },
      { key: 'count', value: { intValue: '3' } },
    ],
    traceId: span?.traceId,
    spanId: span?.spanId,
  })
})

test('of a share of traces as many are kept, whole', async (t) => {
  const collector = await startCollector()
  t.after(() => collector.stop())
  const telemetry = createTelemetry(list, { service: 'api', sample: 0.25, otlp: { address: collector.origin } })
  t.after(() => telemetry.close())
  for (let n = 0; n < 2_000; n++) {
    await telemetry.tracer.run('request', {}, async () => telemetry.tracer.note('statement', {}, 1, false))
  }
  await telemetry.flush()
  const traces = Map.groupBy(collector.spans, (span) => span.traceId)
  assert.ok([...traces.values()].every((spans) => spans.length === 2))
  // Further from 500 than 120 is further than six standard deviations.
  assert.ok(Math.abs(traces.size - 500) < 120, String(traces.size))
})

test('statements are told by their name or digest, in the trace of whoever asked; their text never', async (t) => {
  const place = await temporaryPlace('statements')
  const server = await startServer({
    dataDirectory: join(place.path, 'data'),
    binaries: await findBinaries('embedded'),
    clock: systemClock,
  })
  const pool = new Pool({ connectionString: server.url(), max: 2 })
  t.after(async () => {
    await pool.end()
    await server.stop('immediate')
    await place.remove()
  })
  const { telemetry, collector } = await startService(t)
  const ended: Statement[] = []
  observeStatements(pool, { tracer: telemetry.tracer, ended: (statement) => ended.push(statement) })
  const secret = "SELECT 'losartan'"
  await telemetry.tracer.run('request', {}, async () => {
    assert.deepEqual((await pool.query({ name: 'one', text: 'SELECT $1::int AS n', values: [1] })).rows, [{ n: 1 }])
    await pool.query(secret)
    await assert.rejects(pool.query("SELECT 'losartan'::int"), { code: '22P02' })
    const client = await pool.connect()
    await client.query('SELECT 2')
    await new Promise<void>((resolve, reject) =>
      client.query('SELECT 3', (error) => (error ? reject(error) : resolve())),
    )
    client.release()
  })
  await telemetry.flush()
  assert.deepEqual(
    ended.map(({ id, failed }) => [id, failed]),
    [
      ['one', false],
      [statementId({ text: secret }), false],
      [statementId({ text: "SELECT 'losartan'::int" }), true],
      [statementId({ text: 'SELECT 2' }), false],
      [statementId({ text: 'SELECT 3' }), false],
    ],
  )
  const request = collector.spans.find(({ name }) => name === 'request')
  const statements = collector.spans.filter(({ name }) => name === 'statement')
  assert.equal(statements.length, 5)
  assert.ok(statements.every(({ parentSpanId }) => parentSpanId === request?.spanId))
  assert.doesNotMatch(JSON.stringify([collector.spans, ended]), /losartan/)
})
