/*
 * Replay of WAL out of an encrypted store, fetched while recovery runs, against replay of the same WAL that lies in pg_wal already.
 * Both restore the same small base backup, in turns, on the same disk; what is timed is from the start of the server to the first
 * moment it takes writes.
 *
 *   node bench/recovery/replay.ts [--size 2] [--rounds 3] [--directory /var/tmp/aval-replay]
 *
 * Size in GB of WAL. Needs about four times as much disk.
 */
import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { systemClock } from '../../src/clock.ts'
import { findBinaries } from '../../src/postgres/binaries.ts'
import { withClient } from '../../src/postgres/connection.ts'
import { startServer } from '../../src/postgres/launch.ts'
import type { OwnedServer } from '../../src/postgres/server.ts'
import { createBackup } from '../../src/recovery/backup/base-backup.ts'
import { openRepository } from '../../src/recovery/repository/repository.ts'
import { finishRestore } from '../../src/recovery/restore/finish-restore.ts'
import { restore } from '../../src/recovery/restore/restore.ts'
import { directoryStore } from '../../src/recovery/stores/directory-store.ts'
import { startWalReceiver } from '../../src/recovery/wal/wal-receiver.ts'

const options = z
  .object({ size: z.coerce.number().positive(), rounds: z.coerce.number().int().positive(), directory: z.string() })
  .parse(
    parseArgs({
      options: {
        size: { type: 'string', default: '2' },
        rounds: { type: 'string', default: '3' },
        directory: { type: 'string', default: '/var/tmp' },
      },
    }).values,
  )

const root = await mkdtemp(join(options.directory, 'aval-replay-'))
await chmod(root, 0o755)
const path = (name: string) => join(root, name)
const clock = systemClock
const binaries = await findBinaries('installed').catch(() => findBinaries('embedded'))
const repository = await openRepository({
  store: directoryStore(path('repository')),
  key: new Uint8Array(32).fill(7),
  system: 'bench',
})

/** Rows whose bytes compress to about a half, some changed again: what most WAL is made of. */
async function writeWal(server: OwnedServer, bytes: number): Promise<number> {
  return withClient(server.url(), async (client) => {
    const at = async () =>
      Number((await client.query<{ at: string }>("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS at")).rows[0]?.at)
    const start = await at()
    while ((await at()) - start < bytes) {
      await client.query(
        `INSERT INTO entry (owner, text)
         SELECT (random() * 10000)::int, repeat(md5(random()::text), 6) || repeat('x', 180) FROM generate_series(1, 20000)`,
      )
      await client.query('UPDATE entry SET owner = owner + 1 WHERE id % 20 = (random() * 19)::int')
    }
    return (await at()) - start
  })
}

async function prepare(): Promise<number> {
  const server = await startServer({
    dataDirectory: path('source'),
    binaries,
    clock,
    settings: { max_wal_size: '8GB', checkpoint_timeout: '1h', max_slot_wal_keep_size: '16GB' },
  })
  const receiver = await startWalReceiver({
    url: server.url(),
    repository,
    spool: path('spool'),
    slot: 'aval_bench',
    clock,
  })
  try {
    await withClient(server.url(), async (client) => {
      await client.query('CREATE TABLE entry (id bigserial PRIMARY KEY, owner int, text text)')
      await client.query('CREATE INDEX ON entry (owner)')
    })
    await createBackup({ url: server.url(), repository, clock, receiver })
    const bytes = await writeWal(server, options.size * 2 ** 30)
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 600_000)
    return bytes
  } finally {
    await receiver.stop()
    await server.stop('immediate')
    await rm(path('source'), { recursive: true, force: true })
  }
}

const finishing = { binaries, clock, afterRestore: [], database: 'postgres', owner: 'aval' }

async function fromStore(): Promise<number> {
  await restore({ repository, to: path('store'), at: 'latest', clock, wal: 'meanwhile' })
  const started = performance.now()
  const server = await finishRestore({ ...finishing, dataDirectory: path('store'), repository })
  const ms = performance.now() - started
  await server.stop('immediate')
  await rm(path('store'), { recursive: true })
  return ms
}

async function fromLocal(): Promise<number> {
  const { walDirectory } = await restore({ repository, to: path('local'), at: 'latest', clock })
  for (const name of await readdir(walDirectory)) {
    await rename(join(walDirectory, name), join(path('local'), 'pg_wal', name))
  }
  // Without the signal Postgres begins at the backup's label and reads pg_wal alone.
  await rm(join(path('local'), 'recovery.signal'))
  const started = performance.now()
  const server = await startServer({ dataDirectory: path('local'), binaries, clock })
  await server.waitUntilWritable()
  const ms = performance.now() - started
  await server.stop('immediate')
  for (const left of [path('local'), walDirectory]) await rm(left, { recursive: true })
  return ms
}

try {
  const bytes = await prepare()
  const ratios: number[] = []
  for (let round = 0; round < options.rounds; round++) {
    const localMs = await fromLocal()
    const storeMs = await fromStore()
    ratios.push(storeMs / localMs)
    console.log(JSON.stringify({ walBytes: bytes, localMs: Math.round(localMs), storeMs: Math.round(storeMs) }))
  }
  const middle = ratios.sort((a, b) => a - b)[ratios.length >> 1] ?? Number.NaN
  const peak = Math.round(process.resourceUsage().maxRSS / 1024)
  console.log(`Postgres ${binaries.version}, ${(bytes / 2 ** 30).toFixed(2)} GB of WAL: replay from the store takes`)
  console.log(`${middle.toFixed(2)} x replay from pg_wal (median of ${options.rounds}); peak memory of Aval ${peak} MB`)
} finally {
  await rm(root, { recursive: true, force: true })
}
