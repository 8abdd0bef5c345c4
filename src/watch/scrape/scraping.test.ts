import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { telemetry as telemetrySchema } from '../../plan/telemetry.ts'
import type { Labels, Sample, SampleSink } from '../series.ts'
import { usualLimits } from './exposition.ts'
import { httpTarget } from './http-target.ts'
import type { Target } from './reading.ts'
import { startScraping } from './scraping.ts'

const telemetry = telemetrySchema.parse({
  metrics: {
    requests_total: { type: 'counter', help: 'h', labels: ['method'] },
    temperature: { type: 'gauge', help: 'h', labels: ['method'] },
    wait_seconds: { type: 'histogram', help: 'h', buckets: [1, 5] },
  },
  labels: { method: ['GET', 'POST'] },
})

/** What was appended and ended, and a promise for when it holds what a test waits for. */
function listening() {
  const samples: Sample[] = []
  const ended: { labels: Labels; atMs: number }[] = []
  const waiting: { holds: () => boolean; go: () => void }[] = []
  const tell = () => {
    for (const each of waiting) if (each.holds()) each.go()
  }
  const sink: SampleSink = {
    append: (more) => {
      samples.push(...more)
      tell()
    },
    end: (series, atMs) => {
      ended.push(...series.map((labels) => ({ labels, atMs })))
      tell()
    },
  }
  const until = (holds: () => boolean) => new Promise<void>((go) => (holds() ? go() : void waiting.push({ holds, go })))
  const values = (name: string, labels: Labels = {}) =>
    samples
      .filter((each) => each.labels['__name__'] === name)
      .filter((each) => Object.entries(labels).every(([label, value]) => each.labels[label] === value))
      .map(({ value }) => value)
  return { samples, ended, sink, until, values }
}

async function serve(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`
}

function scraping(t: TestContext, targets: readonly Target[], heard = listening(), clock: Clock = systemClock) {
  const stop = new AbortController()
  const troubles: string[] = []
  const { done } = startScraping({
    targets,
    sink: heard.sink,
    telemetry,
    clock,
    signal: stop.signal,
    onTrouble: ({ instance }, error) => troubles.push(`${instance}: ${error instanceof Error ? error.message : ''}`),
  })
  t.after(async () => {
    stop.abort()
    await done
  })
  return { ...heard, troubles, stop, done }
}

const quick = { job: 'api', everyMs: 40, timeoutMs: 30_000 }

describe('scraping', () => {
  test('brings in what the plan lists with job and instance, and nothing else of what a target leaks', async (t) => {
    const url = await serve(t, (_, response) =>
      response.end(
        [
          'requests_total{method="GET"} 2',
          'requests_total{method="POST",patient="Ana Ruiz"} 3',
          'requests_total{method="Ana Ruiz"} 4',
          'requests_total{method="Eva Gil"} 5',
          'Ana_Ruiz{method="GET"} 1',
          'temperature{method="Ana Ruiz"} 1',
          'temperature{method="Eva Gil"} 2',
          'wait_seconds_bucket{le="1"} 1',
          'wait_seconds_bucket{le="19840217"} 1',
          'wait_seconds_bucket{le="+Inf"} 1',
          'wait_seconds_sum 0.5',
          'wait_seconds_count 1',
        ].join('\n'),
      ),
    )
    const { samples, until, values } = scraping(t, [httpTarget({ ...quick, url })])
    await until(() => values('up').length >= 1)
    const first = samples.filter(({ atMs }) => atMs === samples[0]?.atMs)
    const instance = new URL(url).host
    const given = first
      .filter(({ labels }) => !/^(up|scrape_|aval_)/.test(labels['__name__'] ?? ''))
      .map(({ labels: { job, instance: from, ...labels }, value }) => {
        assert.deepEqual([job, from], ['api', instance])
        return [labels, value]
      })
    assert.deepEqual(given, [
      [{ __name__: 'requests_total', method: 'GET' }, 2],
      [{ __name__: 'requests_total', method: 'POST' }, 3],
      [{ __name__: 'requests_total', method: 'other' }, 9],
      [{ __name__: 'temperature', method: 'other' }, 1],
      [{ __name__: 'wait_seconds_bucket', le: '1' }, 1],
      [{ __name__: 'wait_seconds_bucket', le: '+Inf' }, 1],
      [{ __name__: 'wait_seconds_sum' }, 0.5],
      [{ __name__: 'wait_seconds_count' }, 1],
    ])
    assert.doesNotMatch(JSON.stringify(samples), /Ana|Eva|1984/)
    const refused = (kind: string) => values('aval_scrape_refused_total', { kind })[0]
    assert.deepEqual(['metric', 'label', 'label_value', 'bucket', 'duplicate'].map(refused), [1, 1, 4, 1, 1])
    assert.deepEqual([values('up')[0], values('scrape_samples_scraped')[0]], [1, 12])
    assert.ok((values('scrape_duration_seconds')[0] ?? -1) >= 0)
  })

  test('ends series that are no longer given, and all of a target that does not answer', async (t) => {
    let round = 0
    const url = await serve(t, (_, response) => {
      round += 1
      if (round > 2) response.writeHead(503).end('requests_total{method="GET"} 9')
      else response.end(`requests_total{method="GET"} 1\n${round === 1 ? 'temperature{method="GET"} 2\n' : ''}`)
    })
    const { ended, until, values, troubles } = scraping(t, [httpTarget({ ...quick, url })])
    await until(() => values('up').includes(0) && ended.length === 2)
    assert.deepEqual(values('up').slice(0, 3), [1, 1, 0])
    assert.deepEqual(
      ended.map(({ labels }) => labels['__name__']),
      ['temperature', 'requests_total'],
    )
    assert.match(troubles[0] ?? '', /status 503$/)
    assert.equal(values('requests_total').length, 2)
  })

  test('an answer that is too long, too slow, elsewhere or unreadable is no answer', async (t) => {
    const url = await serve(t, (request, response) => {
      if (request.url === '/long') return response.write('# '.padEnd(70_000, 'x')) && undefined
      if (request.url === '/never') return undefined
      if (request.url === '/elsewhere') return response.writeHead(302, { location: '/metrics' }).end() && undefined
      return response.end('a b c') && undefined
    })
    const at = (path: string) =>
      httpTarget({
        ...quick,
        url: new URL(path, url).href,
        timeoutMs: path === '/never' ? 20 : 20_000,
        limits: { ...usualLimits, bytes: 50_000 },
      })
    const { until, values, troubles } = scraping(t, ['/long', '/never', '/elsewhere', '/unreadable'].map(at))
    const problems = [/longer than 50000 bytes/, /no answer within 20ms/, /fetch failed/, /line 1/]
    await until(() => problems.every((problem) => problem.test(troubles.join())))
    assert.ok(!values('up').includes(1))
  })

  test('keeps to the interval under a slow target, spreads targets over it, and never reads one twice at once', async (t) => {
    const clock = steppedClock()
    const begun = new Map<string, number[]>()
    let atOnce = 0
    const target = (instance: string, tookMs: number): Target => ({
      job: 'api',
      instance,
      everyMs: 1000,
      timeoutMs: 5000,
      own: true,
      read: async () => {
        begun.set(instance, [...(begun.get(instance) ?? []), clock.now()])
        if (instance === 'slow') atOnce += 1
        assert.ok(atOnce <= 1)
        await clock.sleep(tookMs)
        if (instance === 'slow') atOnce -= 1
        return []
      },
    })
    const { stop, done } = scraping(t, [target('quick', 10), target('slow', 2300)], listening(), clock)
    await clock.advance(10_000)
    stop.abort()
    await clock.advance(10_000)
    await done
    assert.deepEqual(begun.get('quick'), [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000])
    assert.deepEqual(begun.get('slow'), [500, 3500, 6500, 9500])
  })

  test('stops and tells when what was measured cannot be kept', async () => {
    const target: Target = { job: 'a', instance: 'b', everyMs: 10, timeoutMs: 10, own: true, read: async () => [] }
    const { done } = startScraping({
      targets: [target, { ...target, instance: 'c' }],
      sink: {
        append: () => {
          throw new Error('disk full')
        },
        end: () => undefined,
      },
      telemetry,
      clock: systemClock,
      signal: new AbortController().signal,
    })
    await assert.rejects(done, /disk full/)
  })
})

/** A clock that moves when it is told to, waking every sleeper at its moment. */
function steppedClock(): Clock & { advance(ms: number): Promise<void> } {
  let now = 0
  const sleepers = new Set<{ at: number; wake: () => void }>()
  // Everything that was woken goes on until it sleeps again.
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(signal.reason)
        })
      }),
    advance: async (ms) => {
      const end = now + ms
      for (;;) {
        await settle()
        const [next] = [...sleepers].sort((a, b) => a.at - b.at)
        if (!next || next.at > end) break
        now = Math.max(now, next.at)
        sleepers.delete(next)
        next.wake()
      }
      now = end
    },
  }
}
