/*
 * What telemetry costs: pushes of 50 entities of 1 KB against MedTime's API with everything on (figures, log into a file, every trace
 * and error report to a receiver on the same machine) and with everything off, over one Postgres, in alternate turns, at saturation.
 *
 *   node bench/telemetry.ts [--seconds 1] [--pairs 30] [--connections 16] [--users 128] [--operation push|pull]
 *
 * Off is a module in place of `aval/telemetry` that does nothing. The receiver that takes the spans works on the same cores, as a
 * collector would on a machine of its own, so the figure is above what a deployment sees.
 */
import { randomUUID } from 'node:crypto'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { percentile } from '../src/prove/percentile.ts'
import { load, type Measured, type Target } from './sync/load.ts'
import { pushBody } from './sync/push-body.ts'
import { startServers } from './sync/servers.ts'
import { createUsers, type TokenHolder } from './sync/users.ts'
import { processorMs, processorTimes } from './sync-peers/processor-time.ts'
import { startSink } from './telemetry/sink.ts'

const entitiesOfRequest = 50
/** Share of the throughput that telemetry may cost. */
const target = 0.03

const options = z
  .object({
    seconds: z.coerce.number().positive(),
    pairs: z.coerce.number().int().positive(),
    connections: z.coerce.number().int().positive(),
    users: z.coerce.number().int().positive(),
    operation: z.enum(['push', 'pull']),
  })
  .parse(
    parseArgs({
      options: {
        seconds: { type: 'string', default: '1' },
        pairs: { type: 'string', default: '30' },
        connections: { type: 'string', default: '16' },
        users: { type: 'string', default: '128' },
        operation: { type: 'string', default: 'push' },
      },
    }).values,
  )

function targetOf(address: string, users: readonly TokenHolder[]): Target {
  return {
    address,
    next: (n) => {
      const user = users[n % users.length]
      if (user === undefined) throw new RangeError('no users')
      const headers = { authorization: `Bearer ${user.token}` }
      if (options.operation === 'pull') {
        return {
          method: 'GET',
          path: `/sync/pull?limit=${entitiesOfRequest}&device_id=bench`,
          headers,
          body: undefined,
        }
      }
      const entities = Array.from({ length: entitiesOfRequest }, () => ({ id: randomUUID(), version: 1 }))
      return {
        method: 'POST',
        path: '/sync/push',
        headers: { ...headers, 'content-type': 'application/json' },
        body: pushBody(n, entities),
      }
    },
  }
}

const rate = ({ latencies, seconds }: Measured) => latencies.length / seconds

const sink = await startSink()
const servers = await startServers([], {
  second: { flags: ['--import', join(import.meta.dirname, 'telemetry/off.ts')] },
  environment: (place) => ({
    TELEMETRY_OTLP: sink.address,
    TELEMETRY_ERRORS: sink.dsn,
    TELEMETRY_LOG_FILE: join(place, 'telemetry.log'),
  }),
})
try {
  const off = servers.second
  if (off === undefined) throw new Error('the second server did not start')
  const users = await createUsers(servers.issuer, options.users)
  const subjects = { on: targetOf(servers.medtime, users), off: targetOf(off.address, users) }
  const pids = { on: servers.medtimePid, off: off.pid }
  console.log(
    `Node ${process.version}, Postgres ${servers.postgres}; ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}; ` +
      `${options.operation} at ${options.connections} connections, ${options.pairs} pairs of ${options.seconds} s`,
  )
  for (const subject of [subjects.on, subjects.off]) await load(subject, options.connections, 3 * options.seconds)

  const costs: number[] = []
  const processor = { on: { ms: 0, requests: 0 }, off: { ms: 0, requests: 0 } }
  const rates: Record<'on' | 'off', number[]> = { on: [], off: [] }
  for (let pair = 0; pair < options.pairs; pair++) {
    // Whichever goes first in one pair goes second in the next.
    const order = pair % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const)
    for (const subject of order) {
      const server = { processes: async () => [pids[subject]] }
      const before = await processorTimes(server)
      const measured = await load(subjects[subject], options.connections, options.seconds)
      processor[subject].ms += processorMs(before, await processorTimes(server))
      processor[subject].requests += measured.latencies.length
      rates[subject].push(rate(measured))
    }
    costs.push(1 - (rates.on.at(-1) ?? 0) / (rates.off.at(-1) ?? 1))
  }
  const ofAll = (name: 'on' | 'off') => percentile(rates[name], 50).toFixed(1)
  const share = (percent: number) => `${(100 * percentile(costs, percent)).toFixed(1)} %`
  console.log(
    `on ${ofAll('on')} requests/s, off ${ofAll('off')}; cost ${share(50)} (median of ${costs.length} pairs, ${share(25)} to ${share(75)} ` +
      `for the middle half), wanted below ${100 * target} %; ${sink.spans()} spans taken, ${sink.spans() > 0 ? 'traced' : 'NOT TRACED'}`,
  )
  const perRequest = ({ ms, requests }: { ms: number; requests: number }) => (1_000 * ms) / requests
  console.log(
    `processor time of the API: on ${perRequest(processor.on).toFixed(0)} µs a request, off ${perRequest(processor.off).toFixed(0)}`,
  )
  process.exitCode = percentile(costs, 50) < target && sink.spans() > 0 ? 0 : 1
} finally {
  await servers.stop()
  await sink.stop()
}
