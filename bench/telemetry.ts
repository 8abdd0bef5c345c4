/*
 * What telemetry costs: pushes of 50 entities of 1 KB against MedTime's API with everything on (figures, log into a file, every trace,
 * line and error report to a receiver on the same machine) and with everything off, over one Postgres, in alternate turns, at saturation.
 * A second API with everything off takes its turn as well: what the two that are alike differ by is what the machine adds.
 *
 *   node bench/telemetry.ts [--seconds 1] [--rounds 30] [--connections 16] [--users 128] [--operation push|pull] [--profile FOLDER]
 *
 * Off is a module in place of `aval/telemetry` that does nothing. The receiver that takes the spans works on the same cores, as a
 * collector would on a machine of its own, so the figure is above what a deployment sees. `--profile` has the API with everything on
 * profiled; what it then costs says nothing.
 *
 * Ends with 0 when the cost is below the bound, 1 when it is not, 3 when the two that are alike differ by as much as the bound.
 */
import { randomUUID } from 'node:crypto'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { load, type Target } from './sync/load.ts'
import { pushBody } from './sync/push-body.ts'
import { startServers } from './sync/servers.ts'
import { createUsers, type TokenHolder } from './sync/users.ts'
import { processorMs, processorTimes } from './sync-peers/processor-time.ts'
import { describeShare, medianWithin } from './telemetry/median.ts'
import { startSink } from './telemetry/sink.ts'

const entitiesOfRequest = 50
/** Share of the throughput that telemetry may cost. */
const bound = 0.03

const options = z
  .object({
    seconds: z.coerce.number().positive(),
    rounds: z.coerce.number().int().positive(),
    connections: z.coerce.number().int().positive(),
    users: z.coerce.number().int().positive(),
    operation: z.enum(['push', 'pull']),
    profile: z.string().optional(),
  })
  .parse(
    parseArgs({
      options: {
        seconds: { type: 'string', default: '1' },
        rounds: { type: 'string', default: '30' },
        connections: { type: 'string', default: '16' },
        users: { type: 'string', default: '128' },
        operation: { type: 'string', default: 'push' },
        profile: { type: 'string' },
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

interface Turn {
  requestsPerSecond: number
  /** Processor time of the API for one request, in microseconds. */
  processorUs: number
}

const sink = await startSink()
const off = { flags: ['--import', join(import.meta.dirname, 'telemetry/off.ts')] }
const profiled = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`]
const servers = await startServers(profiled, {
  others: [off, off],
  environment: (place) => ({
    TELEMETRY_OTLP: sink.address,
    TELEMETRY_OTLP_LOGS: sink.address,
    TELEMETRY_ERRORS: sink.dsn,
    TELEMETRY_LOG_FILE: join(place, 'telemetry.log'),
  }),
})
try {
  const users = await createUsers(servers.issuer, options.users)
  const variants = [{ address: servers.medtime, pid: servers.medtimePid }, ...servers.others].map(
    ({ address, pid }) => ({ pid, target: targetOf(address, users), turns: [] as Turn[] }),
  )
  const [on, plain, alike] = variants
  if (on === undefined || plain === undefined || alike === undefined) throw new Error('a server did not start')
  console.log(
    `Node ${process.version}, Postgres ${servers.postgres}; ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}; ` +
      `${options.operation} at ${options.connections} connections, ${options.rounds} rounds of ${options.seconds} s each`,
  )
  for (const { target } of variants) await load(target, options.connections, 3 * options.seconds)

  for (let round = 0; round < options.rounds; round++) {
    // Each is first, in the middle and last equally often.
    const first = round % variants.length
    for (const { pid, target, turns } of [...variants.slice(first), ...variants.slice(0, first)]) {
      const server = { processes: async () => [pid] }
      const before = await processorTimes(server)
      const { latencies, seconds } = await load(target, options.connections, options.seconds)
      const ms = processorMs(before, await processorTimes(server))
      turns.push({ requestsPerSecond: latencies.length / seconds, processorUs: (1_000 * ms) / latencies.length })
    }
  }
  const all = (turns: readonly Turn[], of: keyof Turn) => medianWithin(turns.map((turn) => turn[of]))
  /** What the first has less than the second, or takes more, round by round. */
  const against = (some: readonly Turn[], others: readonly Turn[]) => ({
    throughput: medianWithin(
      some.map((turn, n) => 1 - turn.requestsPerSecond / (others[n]?.requestsPerSecond ?? Number.NaN)),
    ),
    processor: medianWithin(some.map((turn, n) => turn.processorUs / (others[n]?.processorUs ?? Number.NaN) - 1)),
  })
  const cost = against(on.turns, plain.turns)
  const noise = against(alike.turns, plain.turns)
  const figures = variants.map(
    ({ turns }) =>
      `${all(turns, 'requestsPerSecond').median.toFixed(0)} requests/s and ${all(turns, 'processorUs').median.toFixed(0)} µs of processor time`,
  )
  console.log(`on ${figures[0]}; off ${figures[1]}; off again ${figures[2]}`)
  console.log(
    `throughput lost, on against off:        ${describeShare(cost.throughput)}, wanted below ${100 * bound} %`,
  )
  console.log(`throughput lost, off again against off: ${describeShare(noise.throughput)}`)
  console.log(`processor time more, on against off:        ${describeShare(cost.processor)}`)
  console.log(`processor time more, off again against off: ${describeShare(noise.processor)}`)
  console.log(`${sink.spans()} spans and ${sink.lines()} lines taken`)
  const told = sink.spans() > 0 && sink.lines() > 0
  if (!told) console.log('NOT EVERYTHING IS ON')
  if (told && Math.abs(noise.throughput.median) >= bound) process.exitCode = 3
  else process.exitCode = told && cost.throughput.median < bound ? 0 : 1
} finally {
  await servers.stop()
  await sink.stop()
}
