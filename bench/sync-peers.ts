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
import { startServers } from './sync/servers.ts'
import { actual } from './sync-peers/actual.ts'
import { blobBytes } from './sync-peers/blob.ts'
import type { Contender } from './sync-peers/contender.ts'
import { checkPulls, fill, type MeasuredTurn, type Operation, sizes, turn } from './sync-peers/devices.ts'
import { installPeers } from './sync-peers/install.ts'
import { medtime } from './sync-peers/medtime.ts'
import { parse } from './sync-peers/parse.ts'
import { pouchdb } from './sync-peers/pouchdb.ts'
import { type Level, printLevel, type Subject, tellDifferences, verdicts } from './sync-peers/report.ts'
import { rxdb } from './sync-peers/rxdb.ts'
import { see } from './sync-peers/seen.ts'

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

/** Whoever interrupts waits for the turn that is under way, so that nothing stays behind; the second time it is not waited for. */
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())

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
            interrupted.signal.throwIfAborted()
            const { contender, devices } = subject
            runs.get(subject)?.push(await turn(contender, devices, { operation, size, connections, seconds }))
          }
        }
        const level = { operation, size, connections, runs }
        levels.push(level)
        printLevel(level, subjects)
      }
    }
  }
  return levels
}

const peers = installPeers()
const place = await temporaryPlace('peers')
const stops: (() => Promise<void>)[] = [place.remove]
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
    interrupted.signal.throwIfAborted()
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
  for (const stop of stops.toReversed()) await stop()
}
