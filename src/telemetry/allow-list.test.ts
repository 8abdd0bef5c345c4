import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { list } from './allow-list.fixture.ts'
import type { TelemetryInput, Values } from './listed.ts'
import { createTelemetry } from './telemetry.ts'

const line = z.record(z.string(), z.unknown())

/** A service that logs and traces into files; `read` closes both. */
async function start(t: TestContext) {
  const place = await mkdtemp(join(tmpdir(), 'telemetry-'))
  t.after(() => rm(place, { recursive: true, force: true }))
  const [logFile, spansFile] = [join(place, 'log'), join(place, 'spans')]
  const telemetry = createTelemetry(list, { service: 'api', logFile, spansFile })
  t.after(() => telemetry.close())
  const lines = async (file: string) =>
    (await readFile(file, 'utf8')).split('\n').flatMap((text) => (text === '' ? [] : [line.parse(JSON.parse(text))]))
  return {
    telemetry,
    read: async () => {
      await telemetry.flush()
      return { log: await lines(logFile), spans: await lines(spansFile) }
    },
  }
}

/** What a plan that the compiler cannot look into would let through. */
const loose = (telemetry: { log: { info(event: string, fields: Values<string>): void } }) => telemetry.log

test('a line has the event and the fields that the list names', async (t) => {
  const { telemetry, read } = await start(t)
  const id = '9f2b1f0e-57a5-4a1f-9a32-0d3b3f8f2b11'
  telemetry.log.info('request', { request_id: id, endpoint: '/orders/{id}', count: 3 })
  const [written] = (await read()).log
  assert.deepEqual(
    { ...written, time: 0 },
    { level: 'info', time: 0, service: 'api', request_id: id, endpoint: '/orders/{id}', count: 3, event: 'request' },
  )
})

test('a value that is not as declared leaves as other, and is counted under its name', async (t) => {
  const { telemetry, read } = await start(t)
  telemetry.log.info('request', { request_id: '+52 55 1234 5678', endpoint: '/orders?q=losartan' })
  const [written] = (await read()).log
  assert.deepEqual([written?.['request_id'], written?.['endpoint']], ['other', 'other'])
  const text = await telemetry.metrics.text()
  assert.match(text, /telemetry_refused_total\{kind="value",label="request_id"\} 1/)
  assert.match(text, /telemetry_refused_total\{kind="value",label="endpoint"\} 1/)
})

test('an event that is not listed is no line, and an unlisted field no part of one', async (t) => {
  const { telemetry, read } = await start(t)
  loose(telemetry).info('looked for losartan', {})
  loose(telemetry).info('request', { losartan: 1, count: 1 })
  const { log } = await read()
  assert.equal(log.length, 1)
  assert.doesNotMatch(JSON.stringify(log), /losartan/)
  const text = await telemetry.metrics.text()
  assert.match(text, /telemetry_refused_total\{kind="event",label="other"\} 1/)
  assert.match(text, /telemetry_refused_total\{kind="field",label="other"\} 1/)
})

test('no text that was not declared ever leaves in a line or a span, as key or as value', async (t) => {
  const { telemetry, read } = await start(t)
  const planted = fc.string({ minLength: 8, maxLength: 12, unit: fc.constantFrom(...'abcxyz') }).map((s) => `~${s}`)
  const sent = fc.record({
    key: planted,
    value: planted,
    field: fc.constantFrom('request_id', 'error_code', 'endpoint'),
  })
  const marks: string[] = []
  fc.assert(
    fc.property(sent, ({ key, value, field }) => {
      marks.push(key, value)
      loose(telemetry).info('request', { [key]: 1, [field]: value })
      const span = telemetry.tracer.begin('request', 'server')
      const given: Values<string> = { [key]: value, endpoint: value }
      span.end(given)
    }),
    { numRuns: 200 },
  )
  const text = JSON.stringify(await read())
  assert.deepEqual(
    marks.filter((mark) => text.includes(mark)),
    [],
  )
  assert.ok(marks.length > 0)
})

test('a list that the compiler cannot look into is held to at run time', async (t) => {
  const { telemetry } = await start(t)
  const read: TelemetryInput = { metrics: { a_total: { type: 'counter', help: 'A.', emittedBy: ['api'] } } }
  const { metrics } = createTelemetry(read, { service: 'api' })
  metrics.count('a_total')
  assert.throws(() => metrics.count('b_total'), { code: 'METRIC_NOT_LISTED' })
  assert.ok(telemetry)
})

// What the compiler refuses. Each comment below is an assertion: without an error on its line, `tsc` fails.
function refused(): void {
  const { metrics, log, tracer } = createTelemetry(list, { service: 'api' })
  // @ts-expect-error a metric that is not listed
  metrics.count('patients_total')
  // @ts-expect-error a metric of another service
  metrics.count('jobs_total')
  // @ts-expect-error a metric of another kind
  metrics.count('waiting')
  // @ts-expect-error a label that the metric does not have
  metrics.count('requests_total', { method: 'GET', status: '200', user: 'u1' })
  // @ts-expect-error a label is missing
  metrics.count('requests_total', { method: 'GET' })
  // @ts-expect-error an event that is not listed
  log.info('looked for losartan')
  // @ts-expect-error a field that is not listed
  log.info('request', { user_name: 'x' })
  // @ts-expect-error a span that is not listed
  tracer.begin('SELECT 1', 'client')
  // @ts-expect-error an attribute that is not listed
  tracer.begin('request', 'server').end({ query: 'q' })
  metrics.count('requests_total', { method: 'GET', status: '200' })
  metrics.observe('request_seconds', 1)
  log.info('request', { count: 1 })
  tracer.begin('request', 'server').end({ endpoint: '/orders' })
}
assert.equal(typeof refused, 'function')
