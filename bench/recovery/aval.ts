import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { systemClock } from '../../src/clock.ts'
import { finishRestore } from '../../src/recovery/finish-restore.ts'
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
const program = new URL('aval-process.ts', import.meta.url).pathname

export async function avalBackup(cluster: BenchCluster, repository: string): Promise<BackupRun & WithMemory> {
  const run = await timed(process.execPath, [program, 'backup', repository, cluster.server.url()])
  return { ms: run.ms, storedBytes: await bytesIn(repository), ...report.parse(JSON.parse(run.stdout)) }
}

export async function avalRestore(
  cluster: BenchCluster,
  repository: string,
  directory: string,
): Promise<RestoreRun & WithMemory> {
  const run = await timed(process.execPath, [program, 'restore', repository, directory])
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

export async function bytesIn(directory: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return bytes
}

export async function freshDirectory(path: string): Promise<string> {
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { recursive: true })
  return path
}
