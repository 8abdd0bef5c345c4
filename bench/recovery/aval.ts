import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { systemClock } from '../../src/clock.ts'
import { finishRestore } from '../../src/recovery/restore/finish-restore.ts'
import type { BenchCluster } from './cluster.ts'
import { timed } from './timed.ts'

export interface BackupRun {
  ms: number
  storedBytes: number
}
export interface RestoreRun {
  /** From the start of the restore to a server that takes writes. */
  ms: number
  /** Of which to write the files. */
  filesMs: number
}
interface WithMemory {
  peakBytes: number
}

const report = z.object({ peakBytes: z.number() })
/** Without it each process translates Aval's own TypeScript anew, which an installed Aval is free of. */
const env = { NODE_COMPILE_CACHE: join(tmpdir(), 'aval-bench-compiled') }
const program = new URL('aval-process.ts', import.meta.url).pathname

/** Translates and keeps every module, so that the first measurement is like the others. */
export async function warmUp(repository: string): Promise<void> {
  await timed(process.execPath, [program, 'warm', repository], { env })
}

export async function avalBackup(cluster: BenchCluster, repository: string): Promise<BackupRun & WithMemory> {
  const run = await timed(process.execPath, [program, 'backup', repository, cluster.server.url()], { env })
  return { ms: run.ms, storedBytes: await bytesIn(repository), ...report.parse(JSON.parse(run.stdout)) }
}

export async function avalRestore(
  cluster: BenchCluster,
  repository: string,
  directory: string,
): Promise<RestoreRun & WithMemory> {
  const run = await timed(process.execPath, [program, 'restore', repository, directory], { env })
  const started = performance.now()
  const server = await finishRestore({
    dataDirectory: directory,
    binaries: cluster.binaries,
    clock: systemClock,
    afterRestore: [],
    database: 'postgres',
    owner: 'aval',
  })
  const ms = run.ms + performance.now() - started
  await server.stop('immediate')
  await rm(directory, { recursive: true })
  return { ms, filesMs: run.ms, ...report.parse(JSON.parse(run.stdout)) }
}

/** Links are not followed: pgBackRest names its newest backup by one. */
export async function bytesIn(directory: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) bytes += await bytesIn(path)
    else if (entry.isFile()) bytes += (await stat(path)).size
  }
  return bytes
}

export async function freshDirectory(path: string): Promise<string> {
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { recursive: true })
  return path
}
