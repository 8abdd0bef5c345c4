/*
 * What a service pays for one request's telemetry, call by call: processor time of the thread that calls, sending included, with everything
 * on. The least of several runs, since whatever else the machine does only adds to it: so it can be told on a busy machine too, where
 * bench/telemetry.ts cannot say what a request costs as a whole.
 *
 *   node bench/telemetry-calls.ts [--times 20000] [--runs 8]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { createTelemetry, runIn } from '../src/telemetry/index.ts'
import plan from '../systems/medtime/plan.ts'

const options = z.object({ times: z.coerce.number().int().positive(), runs: z.coerce.number().int().positive() }).parse(
  parseArgs({
    options: { times: { type: 'string', default: '20000' }, runs: { type: 'string', default: '8' } },
  }).values,
)
/** After so many whatever waits is sent: sooner than there is no more room for it. */
const callsAtOnce = 2_000

const thread = new Worker(new URL('./telemetry/sink-thread.ts', import.meta.url))
const address = z.url().parse(await new Promise((resolve) => thread.once('message', resolve)))
const place = await mkdtemp(join(tmpdir(), 'telemetry-calls-'))
const start = (sample: number) =>
  createTelemetry(plan.telemetry, {
    service: 'api',
    mayWait: ['request'],
    logFile: join(place, `${sample}.log`),
    otlp: { address },
    otlpLogs: { address },
    sample,
  })
const [telemetry, unsampled] = [start(1), start(0)]
const { metrics, log } = telemetry
const flush = () => Promise.all([telemetry.flush(), unsampled.flush()])
const id = '9f2b1f0e-57a5-4a1f-9a32-0d3b3f8f2b11'

const spans = ({ tracer }: typeof telemetry) => {
  const span = tracer.begin('request', 'server', { correlationId: id })
  runIn(span.context, () => {
    tracer.note('statement', { query_id: 'push' }, 1, false)
    tracer.note('statement', { query_id: 'count-requests' }, 1, false)
  })
  span.end({ method: 'POST', endpoint: '/sync/push', status_code: 200 })
}
const calls: Record<string, () => void> = {
  'figures of a request': () => {
    metrics.count('http_requests_total', { method: 'POST', endpoint: '/sync/push', status_code: '200', tier: 'free' })
    metrics.observe('http_request_duration_seconds', 0.02, { endpoint: '/sync/push', method: 'POST' })
    metrics.count('sync_operations_total', { operation_type: 'push', status: 'success' })
    metrics.observe('sync_duration_seconds', 0.02, { direction: 'push' })
    for (let n = 0; n < 2; n++) metrics.observe('db_query_duration_seconds', 0.001 * n)
  },
  'sizes of 50 entities': () => {
    for (let n = 0; n < 50; n++)
      metrics.observe('sync_blob_size_bytes', 1_000 + n, { entity_type: n % 2 === 0 ? 'medication' : 'dose' })
  },
  'a line of the log, written and sent': () =>
    log.info('request', {
      request_id: id,
      method: 'POST',
      endpoint: '/sync/push',
      status_code: 200,
      duration_ms: 12.3,
    }),
  'a trace of three spans, sent': () => spans(telemetry),
  'a trace that is not kept': () => spans(unsampled),
}

try {
  let sum = 0
  for (const [name, call] of Object.entries(calls)) {
    const costs: number[] = []
    for (let run = 0; run < options.runs; run++) {
      const before = process.threadCpuUsage()
      for (let n = 0; n < options.times; n++) {
        call()
        if (n % callsAtOnce === 0) await flush()
      }
      await flush()
      const { user, system } = process.threadCpuUsage(before)
      costs.push((user + system) / options.times)
    }
    const least = Math.min(...costs)
    if (name !== 'a trace that is not kept') sum += least
    console.log(`${least.toFixed(2).padStart(6)} µs  ${name}`)
  }
  console.log(`${sum.toFixed(2).padStart(6)} µs  a push of 50 entities, kept`)
  const refused = (await metrics.text()).split('\n').filter((line) => line.startsWith('telemetry_refused_total{'))
  console.log(refused.length === 0 ? 'nothing refused' : refused.join('\n'))
} finally {
  await Promise.all([telemetry.close(), unsampled.close()])
  await thread.terminate()
  await rm(place, { recursive: true })
}
