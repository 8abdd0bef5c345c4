/*
 * MedTime against what people take for the same: opaque entities of 300 bytes, pushed by many users who are known by each request, acknowledged
 * after a commit and refused over a version not seen; and pulled by who was away. Each alone in its turn, the turns alternate. What each does
 * for it differs, and is printed: by its own words, and as seen here.
 *
 *   node bench/sync-peers.ts [--seconds 0.5] [--rounds 5] [--users 200] [--connections 8,32] [--only medtime,parse]
 *
 * The peers are installed from npm by their lock into bench/sync-peers/node_modules, once.
 */
import { mkdir } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { withClient } from '../src/postgres/connection.ts'
import { temporaryPlace } from '../src/postgres/place.ts'
import { percentile } from '../src/prove/percentile.ts'
import { startServers } from './sync/servers.ts'
import { actual } from './sync-peers/actual.ts'
import { blobBytes } from './sync-peers/blob.ts'
import type { Contender } from './sync-peers/contender.ts'
import {
  checkPulls,
  type Devices,
  fill,
  type MeasuredTurn,
  type Operation,
  type Size,
  sizes,
  turn,
} from './sync-peers/devices.ts'
import { installPeers } from './sync-peers/install.ts'
import { medtime } from './sync-peers/medtime.ts'
import { parse } from './sync-peers/parse.ts'
import { pouchdb } from './sync-peers/pouchdb.ts'
import { rxdb } from './sync-peers/rxdb.ts'
import { type Seen, see } from './sync-peers/seen.ts'

const target = 3
const operations: readonly Operation[] = ['push', 'pull']

const options = z
  .object({
    seconds: z.coerce.number().positive(),
    rounds: z.coerce.number().int().positive(),
    users: z.coerce.number().int().positive(),
    connections: z.string().transform((text) => text.split(',').map(Number)),
    only: z
      .string()
      .transform((text) => text.split(','))
      .optional(),
  })
  .parse(
    parseArgs({
      options: {
        seconds: { type: 'string', default: '0.5' },
        rounds: { type: 'string', default: '5' },
        users: { type: 'string', default: '200' },
        connections: { type: 'string', default: '8,32' },
        only: { type: 'string' },
      },
    }).values,
  )

interface Subject {
  contender: Contender
  devices: Devices
  seen: Seen
}

/** What every contender did at one load, in its turns. */
interface Level {
  operation: Operation
  size: Size
  connections: number
  runs: Map<Subject, MeasuredTurn[]>
}

async function measure(subjects: readonly Subject[]): Promise<Level[]> {
  const levels: Level[] = []
  const { seconds } = options
  for (const operation of operations) {
    for (const size of sizes) {
      for (const { contender, devices } of subjects) {
        await turn(contender, devices, { operation, size, connections: 8, seconds: 2 * seconds })
      }
      for (const connections of options.connections) {
        const runs = new Map<Subject, MeasuredTurn[]>(subjects.map((subject) => [subject, []]))
        for (let round = 0; round < options.rounds; round++) {
          // Whoever goes first in one round goes last in the next.
          const first = round % subjects.length
          for (const subject of [...subjects.slice(first), ...subjects.slice(0, first)]) {
            const { contender, devices } = subject
            runs.get(subject)?.push(await turn(contender, devices, { operation, size, connections, seconds }))
          }
        }
        const level = { operation, size, connections, runs }
        levels.push(level)
        print(level, subjects)
      }
    }
  }
  return levels
}

const rate = ({ latencies, seconds }: MeasuredTurn) => latencies.length / seconds

/** Milliseconds of a processor that one request took, which other work on the machine lengthens little. */
function ofRequest(runs: readonly MeasuredTurn[], whose: 'contenderMs' | 'generatorMs'): number {
  const answered = runs.reduce((sum, { latencies }) => sum + latencies.length, 0)
  return runs.reduce((sum, run) => sum + run[whose], 0) / answered
}

/** One contender's turns over another's of the same round, which met the same machine. */
function ratios(level: Level, ours: Subject, theirs: Subject): number[] {
  const others = level.runs.get(theirs) ?? []
  return (level.runs.get(ours) ?? []).flatMap((run, round) => {
    const other = others[round]
    return other === undefined ? [] : [rate(run) / rate(other)]
  })
}

function latency(level: Level, subject: Subject, percent: number): number {
  return percentile(
    (level.runs.get(subject) ?? []).flatMap(({ latencies }) => latencies),
    percent,
  )
}

function print(level: Level, subjects: readonly Subject[]): void {
  const [ours] = subjects
  for (const subject of subjects) {
    const runs = level.runs.get(subject) ?? []
    const requests = percentile(runs.map(rate), 50)
    const answered = runs.reduce((sum, { latencies }) => sum + latencies.length, 0)
    console.log(
      [
        `${level.operation} ${String(level.size).padStart(2)}`,
        `${String(level.connections).padStart(2)} connections`,
        subject.contender.name.padEnd(14),
        `n=${String(answered).padStart(5)}`,
        `P50 ${latency(level, subject, 50).toFixed(1).padStart(7)} ms`,
        `P99 ${latency(level, subject, 99).toFixed(1).padStart(7)} ms`,
        `${requests.toFixed(0).padStart(6)} requests/s`,
        `${(requests * level.size).toFixed(0).padStart(7)} entities/s`,
        `processor ${ofRequest(runs, 'contenderMs').toFixed(2)} ms, asking ${ofRequest(runs, 'generatorMs').toFixed(2)} ms`,
        ours === undefined || subject === ours
          ? ''
          : `medtime is ${percentile(ratios(level, ours, subject), 50).toFixed(2)} times that`,
      ].join('  '),
    )
  }
}

/** Whether MedTime is as fast as it should be against one peer at all loads of one kind; says so. */
function verdict(levels: readonly Level[], ours: Subject, peer: Subject, wanted: number): boolean {
  const all = levels.flatMap((level) => ratios(level, ours, peer))
  const ratio = percentile(all, 50)
  const tails = levels.map((level) => ({
    connections: level.connections,
    ours: latency(level, ours, 99),
    theirs: latency(level, peer, 99),
  }))
  // What holds nothing is only to be outdone in throughput.
  const later = peer.contender.keeps === 'on disk' && tails.some((tail) => tail.ours > tail.theirs)
  const met = ratio >= wanted && !later
  const [level] = levels
  const processor = (subject: Subject) =>
    ofRequest(
      levels.flatMap(({ runs }) => runs.get(subject) ?? []),
      'contenderMs',
    )
  console.log(
    `${level?.operation} ${String(level?.size).padStart(2)}: ${ratio.toFixed(2)} times ${peer.contender.name} ` +
      `(median of ${all.length} pairs of turns, ${percentile(all, 10).toFixed(2)} to ${percentile(all, 90).toFixed(2)} for eight in ten), wanted ${wanted}; ` +
      `P99 ${tails.map((tail) => `${tail.ours.toFixed(1)} to ${tail.theirs.toFixed(1)} ms at ${tail.connections}`).join(', ')}; ` +
      `processor ${processor(ours).toFixed(2)} to ${processor(peer).toFixed(2)} ms a request  ${met ? 'met' : 'missed'}`,
  )
  return met
}

function verdicts(levels: readonly Level[], ours: Subject, peers: readonly Subject[]): boolean {
  const met = [true]
  for (const own of Map.groupBy(levels, ({ operation, size }) => `${operation} ${size}`).values()) {
    const against = (peer: Subject) =>
      percentile(
        own.flatMap((level) => ratios(level, ours, peer)),
        50,
      )
    const [best] = peers
      .filter(({ contender }) => contender.keeps === 'on disk')
      .toSorted((one, other) => against(one) - against(other))
    if (best) met.push(verdict(own, ours, best, target))
    for (const peer of peers.filter(({ contender }) => contender.keeps === 'in memory'))
      met.push(verdict(own, ours, peer, 1))
  }
  return met.every(Boolean)
}

function tellDifferences(subjects: readonly Subject[]): void {
  for (const { contender, seen } of subjects) {
    const { knows, commits, compares, pulls } = contender.work
    const { syncs } = seen
    const waits = syncs
      ? `${syncs.push.toFixed(1)} a push, ${syncs.pull.toFixed(1)} a pull`
      : 'uncounted without strace'
    console.log(
      `${contender.name} (${contender.version})${contender.keeps === 'on disk' ? '' : `, outside of the target: ${contender.keeps}`}`,
    )
    console.log(`  knows its user by: ${knows}`)
    console.log(`  commits: ${commits}; waits for the disk: ${waits}`)
    console.log(`  compares: ${compares}; a write over what its writer has not seen is ${seen.stale}`)
    console.log(`  pulls: ${pulls}`)
  }
  console.log()
}

const peers = installPeers()
const place = await temporaryPlace('peers')
const stops: (() => Promise<void>)[] = [place.remove]
async function stopAll(): Promise<void> {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stopAll().then(() => process.exit(1)))
try {
  const servers = await startServers()
  stops.push(servers.stop)
  const directory = (name: string) => join(place.path, name)
  const starts: Record<string, () => Promise<Contender>> = {
    medtime: async () => medtime(servers),
    pouchdb: () => pouchdb(peers, directory('pouchdb'), { synced: false }),
    'pouchdb-synced': () => pouchdb(peers, directory('pouchdb-synced'), { synced: true }),
    parse: () => parse(peers, directory('parse'), servers.adminUrl),
    actual: () => actual(peers, directory('actual')),
    rxdb: () => rxdb(peers, directory('rxdb')),
  }
  const { rows } = await withClient(servers.adminUrl, (admin) =>
    admin.query<{ name: string; setting: string }>(
      "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') ORDER BY name",
    ),
  )
  console.log(
    `Node ${process.version}, Postgres ${servers.postgres} (${rows.map(({ name, setting }) => `${name} ${setting}`).join(', ')}); ` +
      `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, generator included; ${options.users} users push and a quarter as many pull, ` +
      `entities of ${blobBytes} bytes, ${options.rounds} rounds of ${options.seconds} s\n`,
  )
  const subjects: Subject[] = []
  let missing = 0
  for (const [name, start] of Object.entries(starts)) {
    if (options.only && !options.only.includes(name)) continue
    try {
      const contender = await start()
      stops.push(contender.stop)
      await mkdir(directory(`${name}-seen`))
      const seen = await see(contender, directory(`${name}-seen`))
      const devices = await fill(contender, options.users)
      await checkPulls(contender, devices)
      subjects.push({ contender, devices, seen })
      console.log(`${name} is filled`)
    } catch (error) {
      missing++
      console.log(`${name} takes no part:`, error)
    }
  }
  await withClient(servers.adminUrl, (admin) => admin.query('VACUUM ANALYZE'))
  tellDifferences(subjects)
  const levels = await measure(subjects)
  console.log()
  const [ours, ...others] = subjects
  const met = ours?.contender.name === 'medtime' && verdicts(levels, ours, others)
  process.exitCode = met && missing === 0 ? 0 : 1
} finally {
  await stopAll()
}
