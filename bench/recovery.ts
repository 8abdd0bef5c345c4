/*
 * Backup and restore of a growing Postgres 15 cluster, half of whose bytes compress: Aval (compressed, encrypted) against pgBackRest (lz4,
 * aes-256-cbc, two processes) and plain pg_basebackup, on the same disk and in turns; memory over the size; the time of a restore fitted
 * and projected to what the plans declare. Then replay of WAL out of the store, and what a synchronous receiver costs a commit.
 *
 *   node bench/recovery.ts [--sizes 0.5,1,2,4] [--rounds 3] [--directory /var/tmp/aval-bench] [--wal 2]
 *
 * Sizes in GiB, --wal in GB (0 leaves out what needs WAL). Needs Postgres 15 with its tools, and pgBackRest, from Debian; as root. About five
 * times the largest size of disk.
 */
import { spawnSync } from 'node:child_process'
import { chmod, rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { formatBytes, formatDuration } from '../src/plan/units.ts'
import { findProject } from '../src/project/find-project.ts'
import { loadSystem } from '../src/project/load-system.ts'
import { fitRtoCurve, projectRestore } from '../src/recovery/restore/rto-curve.ts'
import { avalBackup, avalRestore, freshDirectory, warmUp } from './recovery/aval.ts'
import { type BenchCluster, benchCluster } from './recovery/cluster.ts'
import { plainBackup } from './recovery/pg-basebackup.ts'
import { type PgBackRest, pgBackRest } from './recovery/pgbackrest.ts'

const gigabyte = 2 ** 30
const memoryLimit = 256 * 2 ** 20
const plainFactor = 2.5
const memorySpread = 0.1

const options = z
  .object({
    sizes: z.string().transform((text) =>
      text
        .split(',')
        .map(Number)
        .sort((a, b) => a - b),
    ),
    rounds: z.coerce.number().int().positive(),
    directory: z.string(),
    wal: z.coerce.number().min(0),
  })
  .parse(
    parseArgs({
      options: {
        sizes: { type: 'string', default: '0.5,1,2,4' },
        rounds: { type: 'string', default: '3' },
        directory: { type: 'string', default: '/var/tmp/aval-bench' },
        wal: { type: 'string', default: '2' },
      },
    }).values,
  )

/** One turn of everything at one size. */
interface Turn {
  size: number
  plainMs: number
  backup: Awaited<ReturnType<typeof avalBackup>>
  restore: Awaited<ReturnType<typeof avalRestore>>
  theirBackup: Awaited<ReturnType<PgBackRest['backup']>>
  theirRestore: Awaited<ReturnType<PgBackRest['restore']>>
}

async function measure(root: string, cluster: BenchCluster, rival: PgBackRest): Promise<Turn[]> {
  const path = (name: string) => join(root, name)
  const turns: Turn[] = []
  await warmUp(await freshDirectory(path('warm')))
  for (const size of options.sizes) {
    await cluster.growTo(size * gigabyte)
    for (let round = 0; round < options.rounds; round++) {
      const repository = await freshDirectory(path('repository'))
      const { ms: plainMs } = await plainBackup(cluster, path('plain'))
      const backup = await avalBackup(cluster, repository)
      const theirBackup = await rival.backup()
      const restore = await avalRestore(cluster, repository, path('restored'))
      const theirRestore = await rival.restore(path('restored'))
      const turn = { size, plainMs, backup, restore, theirBackup, theirRestore }
      turns.push(turn)
      console.log(line(turn))
    }
  }
  return turns
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`.padStart(8)

function line({ size, plainMs, backup, restore, theirBackup, theirRestore }: Turn): string {
  return [
    `${String(size).padStart(4)} GiB`,
    `pg_basebackup ${seconds(plainMs)}`,
    `backup ${seconds(backup.ms)} (pgBackRest ${seconds(theirBackup.ms)})`,
    `restore ${seconds(restore.ms)} (pgBackRest ${seconds(theirRestore.ms)})`,
    `stored ${formatBytes(backup.storedBytes)} (${formatBytes(theirBackup.storedBytes)})`,
    `peak ${formatBytes(backup.peakBytes)} and ${formatBytes(restore.peakBytes)}`,
  ].join('   ')
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2
}

/** A figure, what it may be at most, and over how many samples it is the median. */
function figure(what: string, value: number, most: number, samples: number): void {
  const verdict = value <= most ? 'kept' : 'missed'
  console.log(
    `  ${what.padEnd(58)} ${value.toFixed(2).padStart(6)}   at most ${most.toFixed(2)}   n=${samples}   ${verdict}`,
  )
}

function report(turns: readonly Turn[]): void {
  const compared = options.sizes.includes(2) ? 2 : options.sizes.at(-1)
  const at = turns.filter(({ size }) => size === compared)
  console.log(`\nAt ${compared} GiB, ratios of medians:`)
  const over = (ours: (turn: Turn) => number, theirs: (turn: Turn) => number) =>
    median(at.map(ours)) / median(at.map(theirs))
  figure(
    'backup / pgBackRest backup',
    over(
      (each) => each.backup.ms,
      (each) => each.theirBackup.ms,
    ),
    1,
    at.length,
  )
  figure(
    'backup / pg_basebackup',
    over(
      (each) => each.backup.ms,
      (each) => each.plainMs,
    ),
    plainFactor,
    at.length,
  )
  figure(
    'restore to service / pgBackRest',
    over(
      (each) => each.restore.ms,
      (each) => each.theirRestore.ms,
    ),
    1,
    at.length,
  )

  console.log(`\nMemory from ${options.sizes.at(0)} to ${options.sizes.at(-1)} GiB, medians of peaks:`)
  for (const what of ['backup', 'restore'] as const) {
    const peaks = options.sizes.map((size) =>
      median(turns.filter((each) => each.size === size).map((each) => each[what].peakBytes)),
    )
    const [least, most] = [Math.min(...peaks), Math.max(...peaks)]
    figure(`${what}: peak / 256 MiB`, most / memoryLimit, 1, turns.length)
    figure(`${what}: largest / least over the sizes`, most / least, 1 + memorySpread, turns.length)
  }
}

async function projections(turns: readonly Turn[]): Promise<void> {
  const curve = fitRtoCurve(turns.map(({ size, restore }) => ({ bytes: size * gigabyte, ms: restore.ms })))
  if (!curve) {
    console.log('\nNo RTO curve: it takes three sizes.')
    return
  }
  const perGigabyte = curve.msPerByte * 1e9
  console.log(
    `\nRTO curve over ${curve.samples} restores of ${curve.sizes} sizes: ${seconds(curve.fixedMs).trim()} + ${seconds(perGigabyte).trim()} a GB, ` +
      `residual ${seconds(curve.residualMs).trim()}`,
  )
  const home = join(import.meta.dirname, '..')
  const project = await findProject(home, home)
  for (const name of project.systems) {
    const { plan } = await loadSystem(project, name)
    if (!plan.database) continue
    const { bytes, ms, beyond } = projectRestore(curve, plan.database.size)
    console.log(
      `  ${name.padEnd(12)} ${formatBytes(bytes).padStart(8)}   ${formatDuration(Math.round(ms / 1000) * 1000)}   ${beyond.toFixed(1)} times the largest measured`,
    )
  }
}

const root = await freshDirectory(options.directory)
await chmod(root, 0o755)
const cluster = await benchCluster(root)
try {
  const rival = await pgBackRest(cluster, join(root, 'pgbackrest'))
  console.log(
    `${cpus().length} x ${cpus()[0]?.model}; Node ${process.version}; Postgres ${cluster.binaries.version}; ${rival.version}; ${options.rounds} rounds\n`,
  )
  const turns = await measure(root, cluster, rival)
  report(turns)
  await projections(turns)
} finally {
  await cluster.stop()
  await rm(root, { recursive: true, force: true })
}
if (options.wal > 0) {
  const parts = [['replay.ts', '--size', String(options.wal)], ['synchronous.ts']]
  for (const [name = '', ...args] of parts) {
    console.log(`\n${name}`)
    spawnSync(process.execPath, [join(import.meta.dirname, 'recovery', name), ...args], { stdio: 'inherit' })
  }
}
