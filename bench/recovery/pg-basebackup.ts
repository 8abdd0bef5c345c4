import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchCluster } from './cluster.ts'
import { timed } from './timed.ts'

/** What copying costs at the least: files as they are, with their WAL, uncompressed and in the clear. */
export async function plainBackup({ server, binaries }: BenchCluster, directory: string): Promise<{ ms: number }> {
  await rm(directory, { recursive: true, force: true })
  const args = ['-d', server.url(), '-D', directory, '-F', 'p', '-X', 'stream', '-c', 'fast']
  const { ms } = await timed(join(binaries.directory, 'pg_basebackup'), args)
  await rm(directory, { recursive: true })
  return { ms }
}
