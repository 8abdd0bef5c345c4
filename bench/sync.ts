/*
 * Push and pull of 50 entities of 1 KB at rising load: MedTime with everything on (tokens, row security, versions, checksums,
 * metrics, log, rate limits) against a naive server with nothing on, over one Postgres and in turns, so that both meet the same machine.
 *
 *   node bench/sync.ts [--seconds 0.5] [--rounds 7] [--connections 1,2,4,8,16,32] [--users 256] [--uncounted]
 *
 * With --uncounted requests are not counted against rate limits: the difference is what counting costs, and no measure of the whole.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { withClient } from '../src/postgres/connection.ts'
import { percentile } from '../src/prove/percentile.ts'
import { load, type Measured, type Target } from './sync/load.ts'
import { pushBody } from './sync/push-body.ts'
import { type Servers, startServers } from './sync/servers.ts'
import { createUsers, type TokenHolder } from './sync/users.ts'

const entitiesOfRequest = 50
const pagesOfUser = 4
const target = 0.8

const options = z
  .object({
    seconds: z.coerce.number().positive(),
    rounds: z.coerce.number().int().positive(),
    users: z.coerce.number().int().positive(),
    connections: z.string().transform((text) => text.split(',').map(Number)),
    profile: z.boolean(),
    uncounted: z.boolean(),
  })
  .parse(
    parseArgs({
      options: {
        seconds: { type: 'string', default: '0.5' },
        rounds: { type: 'string', default: '7' },
        users: { type: 'string', default: '256' },
        connections: { type: 'string', default: '1,2,4,8,16,32' },
        // Leaves a CPU profile of the API in the working directory of the server.
        profile: { type: 'boolean', default: false },
        uncounted: { type: 'boolean', default: false },
      },
    }).values,
  )

type Subject = 'medtime' | 'naive'
type Operation = 'push' | 'pull'
const subjects: readonly Subject[] = ['medtime', 'naive']
const operations: readonly Operation[] = ['push', 'pull']

interface User extends TokenHolder {
  /** By server: where each page of the user's entities begins, as the query of a pull. */
  pages: Record<Subject, string[]>
}

function newEntities(): { id: string; version: number }[] {
  return Array.from({ length: entitiesOfRequest }, () => ({ id: randomUUID(), version: 1 }))
}

async function usersWithoutPages(issuer: string): Promise<User[]> {
  const users = await createUsers(issuer, options.users)
  return users.map((user) => ({ ...user, pages: { medtime: [], naive: [] } }))
}

function targetOf(servers: Servers, users: readonly User[], subject: Subject, operation: Operation): Target {
  return {
    address: servers[subject],
    next: (n) => {
      const user = users[n % users.length]
      if (user === undefined) throw new RangeError('no users')
      const headers: Record<string, string> =
        subject === 'medtime' ? { authorization: `Bearer ${user.token}` } : { 'x-user': user.id }
      if (operation === 'pull') {
        const pages = user.pages[subject]
        const query = pages[Math.floor(n / users.length) % pages.length]
        return {
          method: 'GET',
          path: `/sync/pull?limit=${entitiesOfRequest}&device_id=bench${query}`,
          headers,
          body: undefined,
        }
      }
      return {
        method: 'POST',
        path: '/sync/push',
        headers: { ...headers, 'content-type': 'application/json' },
        body: pushBody(n, newEntities()),
      }
    },
  }
}

/** Gives every user four pages, and notes where each begins. */
async function fill(servers: Servers, users: readonly User[], subject: Subject): Promise<void> {
  const answer = z.object({ cursor: z.string() })
  const send = async ({ address, next }: Target, n: number) => {
    const { method, path, headers, body } = next(n)
    const response = await fetch(`${address}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
    if (!response.ok) throw new Error(`${subject} answered ${response.status}`)
    return response.json()
  }
  for (let n = 0; n < users.length * pagesOfUser; n++) await send(targetOf(servers, users, subject, 'push'), n)
  for (const [n, user] of users.entries()) {
    const pages = user.pages[subject]
    pages.push('')
    while (pages.length < pagesOfUser) {
      // The page that was noted last is the one asked for.
      const walk = targetOf(servers, users, subject, 'pull')
      const { cursor } = answer.parse(await send(walk, n + users.length * (pages.length - 1)))
      pages.push(`&cursor=${cursor}`)
    }
  }
}

interface Level {
  operation: Operation
  connections: number
  runs: Record<Subject, Measured[]>
}

async function measure(servers: Servers, users: Record<Operation, readonly User[]>): Promise<Level[]> {
  const levels: Level[] = []
  for (const operation of operations) {
    for (const subject of subjects) {
      const warm = targetOf(servers, users[operation], subject, operation)
      await load(warm, 8, Math.max(1, options.seconds))
    }
    for (const connections of options.connections) {
      const level: Level = { operation, connections, runs: { medtime: [], naive: [] } }
      for (let round = 0; round < options.rounds; round++) {
        // Whoever goes first in one round goes second in the next.
        for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
          level.runs[subject].push(
            await load(targetOf(servers, users[operation], subject, operation), connections, options.seconds),
          )
        }
      }
      levels.push(level)
      print(level)
    }
  }
  return levels
}

interface Summary {
  samples: number
  p50: number
  p99: number
  entitiesPerSecond: number
}

function summarise(runs: readonly Measured[]): Summary {
  const latencies = runs.flatMap((run) => run.latencies)
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0)
  return {
    samples: latencies.length,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
    entitiesPerSecond: (latencies.length * entitiesOfRequest) / seconds,
  }
}

function print({ operation, connections, runs }: Level): void {
  const [ours, theirs] = [summarise(runs.medtime), summarise(runs.naive)]
  for (const [name, summary] of [
    ['medtime', ours],
    ['naive', theirs],
  ] as const) {
    console.log(
      [
        operation,
        String(connections).padStart(3),
        name.padEnd(7),
        `n=${String(summary.samples).padStart(5)}`,
        `p50=${summary.p50.toFixed(1).padStart(6)} ms`,
        `p99=${summary.p99.toFixed(1).padStart(6)} ms`,
        `${Math.round(summary.entitiesPerSecond).toString().padStart(6)} entities/s`,
        name === 'medtime' ? `ratio ${(ours.entitiesPerSecond / theirs.entitiesPerSecond).toFixed(2)}` : '',
      ].join('  '),
    )
  }
}

/**
 * At saturation, where more connections than cores compete: the median over every pair of turns, one server's right after
 * the other's, so that what else the machine did weighs on both.
 */
function verdict(levels: readonly Level[], operation: Operation): boolean {
  const own = levels.filter((level) => level.operation === operation)
  const full = own.filter((level) => level.connections >= 4 * cpus().length)
  const saturated = full.length > 0 ? full : own.slice(-1)
  const rate = (run: Measured | undefined) => (run === undefined ? Number.NaN : run.latencies.length / run.seconds)
  const ratios = saturated.flatMap(({ runs }) => runs.medtime.map((run, turn) => rate(run) / rate(runs.naive[turn])))
  const ratio = percentile(ratios, 50)
  console.log(
    `${operation} at ${saturated.map(({ connections }) => connections).join(', ')} connections: ratio ${ratio.toFixed(2)} ` +
      `(median of ${ratios.length} pairs of turns, ${percentile(ratios, 10).toFixed(2)} to ` +
      `${percentile(ratios, 90).toFixed(2)} for eight in ten), wanted ${target}`,
  )
  return ratio >= target
}

function versionOf(name: string): string {
  const file = join(import.meta.dirname, '../node_modules', name, 'package.json')
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).version
}

const servers = await startServers(options.profile ? ['--cpu-prof', '--cpu-prof-dir=/tmp/sync-profile'] : [], {
  countLimits: !options.uncounted,
})
try {
  console.log(
    `Node ${process.version}, Postgres ${servers.postgres}, fastify ${versionOf('fastify')}, pg ${versionOf('pg')}; ` +
      `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}; ${options.users} users, ` +
      `${options.rounds} rounds of ${options.seconds} s, server and generator on one machine`,
  )
  // Those who push grow; those who pull have four pages and walk through them, as a device that comes back after a while.
  const users = {
    push: await usersWithoutPages(servers.issuer),
    pull: await usersWithoutPages(servers.issuer),
  }
  for (const subject of subjects) await fill(servers, users.pull, subject)
  await withClient(servers.adminUrl, (client) => client.query('VACUUM ANALYZE'))
  const levels = await measure(servers, users)
  const met = operations.map((operation) => verdict(levels, operation))
  process.exitCode = met.every(Boolean) ? 0 : 1
} finally {
  await servers.stop()
}
