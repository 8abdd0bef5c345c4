/*
 * What a commit costs when it waits for the receiver: the same server, the same receiver, the same connections, in turns of commits that
 * wait (`synchronous_commit = on`) and commits that do not (`local`, on the server's own disk).
 *
 *   node bench/recovery/synchronous.ts [--commits 2000] [--clients 1] [--acknowledge spooled|stored] [--directory /var/tmp]
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Client } from 'pg'
import { z } from 'zod'
import { systemClock } from '../../src/clock.ts'
import { findBinaries } from '../../src/postgres/binaries.ts'
import { connect } from '../../src/postgres/connection.ts'
import { startServer } from '../../src/postgres/launch.ts'
import { startChild } from '../../src/process.ts'
import { openRepository } from '../../src/recovery/repository/repository.ts'
import { directoryStore } from '../../src/recovery/stores/directory-store.ts'
import { startWalReceiver } from '../../src/recovery/wal/wal-receiver.ts'

const options = z
  .object({
    commits: z.coerce.number().int().positive(),
    clients: z.coerce.number().int().positive(),
    acknowledge: z.enum(['spooled', 'stored']),
    directory: z.string(),
    receive: z.string().optional(),
  })
  .parse(
    parseArgs({
      options: {
        commits: { type: 'string', default: '2000' },
        clients: { type: 'string', default: '1' },
        acknowledge: { type: 'string', default: 'spooled' },
        directory: { type: 'string', default: '/var/tmp' },
        receive: { type: 'string' },
      },
    }).values,
  )

// The receiver has a process of its own, as it does beside `aval up`.
if (options.receive !== undefined) {
  const repository = await openRepository({
    store: directoryStore(join(options.directory, 'repository')),
    key: new Uint8Array(32).fill(7),
    system: 'bench',
  })
  const receiver = await startWalReceiver({
    url: options.receive,
    repository,
    spool: join(options.directory, 'spool'),
    slot: 'aval_bench',
    clock: systemClock,
    acknowledge: options.acknowledge,
    synchronous: { url: options.receive, whenAway: 'wait' },
  })
  process.on('SIGTERM', () => void receiver.stop().then(() => process.exit(0)))
} else {
  await measure()
}

async function measure(): Promise<void> {
  const root = await mkdtemp(join(options.directory, 'aval-synchronous-'))
  await chmod(root, 0o755)
  const binaries = await findBinaries('installed').catch(() => findBinaries('embedded'))
  await using ending = new AsyncDisposableStack()
  ending.defer(() => rm(root, { recursive: true, force: true }))
  const server = await startServer({ dataDirectory: join(root, 'data'), binaries, clock: systemClock })
  ending.defer(() => server.stop('immediate'))
  const child = await startChild({
    program: process.execPath,
    args: [
      new URL(import.meta.url).pathname,
      ...['--receive', server.url(), '--directory', root, '--acknowledge', options.acknowledge],
    ],
  })
  child.process.stderr?.pipe(process.stderr)
  ending.defer(async () => void (await child.stop()))
  const clients = await Promise.all(Array.from({ length: options.clients }, () => connect(server.url())))
  ending.defer(async () => {
    for (const client of clients) await client.end()
  })
  const [first] = clients
  if (!first) return
  await first.query('CREATE TABLE entry (id bigserial PRIMARY KEY, text text)')
  while ((await first.query("SELECT FROM pg_stat_replication WHERE sync_state = 'sync'")).rowCount !== 1) {
    await systemClock.sleep(50)
  }
  const times: Record<'local' | 'on', number[]> = { local: [], on: [] }
  const turns = 10
  for (let turn = 0; turn < 2 * turns; turn++) {
    const setting = turn % 2 === 0 ? 'local' : 'on'
    await Promise.all(clients.map((client) => commit(client, setting, times[setting], options.commits / turns)))
  }
  const percentile = (values: number[], share: number) =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN
  const shown = (values: number[]) =>
    `P50 ${percentile(values, 0.5).toFixed(2)} ms, P99 ${percentile(values, 0.99).toFixed(2)} ms`
  console.log(`${cpus().length} x ${cpus()[0]?.model}; Node ${process.version}; Postgres ${binaries.version}`)
  console.log(
    `${options.clients} clients, ${options.commits} commits each and way, acknowledged when ${options.acknowledge}`,
  )
  console.log(`asynchronous: ${shown(times.local)}`)
  console.log(`synchronous:  ${shown(times.on)}`)
  console.log(
    `P50 synchronous / asynchronous: ${(percentile(times.on, 0.5) / percentile(times.local, 0.5)).toFixed(2)}`,
  )
}

async function commit(client: Client, setting: string, times: number[], count: number): Promise<void> {
  await client.query(`SET synchronous_commit = ${setting}`)
  for (let at = 0; at < count; at++) {
    const began = performance.now()
    await client.query("INSERT INTO entry (text) VALUES (repeat('x', 200))")
    times.push(performance.now() - began)
  }
}
