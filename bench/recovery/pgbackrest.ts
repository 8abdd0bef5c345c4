import { chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { serverAccount } from '../../src/postgres/account.ts'
import { startServer } from '../../src/postgres/launch.ts'
import { type BackupRun, bytesIn, type RestoreRun } from './aval.ts'
import { accepted, type BenchCluster } from './cluster.ts'
import { timed } from './timed.ts'

/** pgBackRest beside Aval: lz4, aes-256-cbc, two processes, delta off, the same disk. */
export interface PgBackRest {
  version: string
  backup(): Promise<BackupRun>
  /** From the start of its restore to a server that takes writes. */
  restore(directory: string): Promise<RestoreRun>
}

export async function pgBackRest(cluster: BenchCluster, directory: string): Promise<PgBackRest> {
  const { server } = cluster
  const account = serverAccount()
  const folders = ['repository', 'log', 'spool', 'lock'].map((name) => join(directory, name))
  await rm(directory, { recursive: true, force: true })
  for (const folder of [directory, ...folders]) {
    await mkdir(folder, { recursive: true })
    if (account) await chown(folder, account.uid, account.gid)
  }
  const [repository = ''] = folders
  const configuration = join(directory, 'pgbackrest.conf')
  const lines = [
    '[global]',
    `repo1-path=${repository}`,
    'repo1-cipher-type=aes-256-cbc',
    'repo1-cipher-pass=a passphrase of the benchmark',
    'repo1-retention-full=1',
    `log-path=${folders[1]}`,
    'log-level-console=warn',
    'log-level-file=off',
    `spool-path=${folders[2]}`,
    `lock-path=${folders[3]}`,
    'compress-type=lz4',
    'process-max=2',
    'start-fast=y',
    '[bench]',
    `pg1-path=${server.dataDirectory}`,
    `pg1-port=${server.port}`,
    `pg1-socket-path=${server.socketDirectory}`,
    'pg1-user=aval',
    'pg1-database=postgres',
  ]
  await writeFile(configuration, `${lines.join('\n')}\n`)
  const asServer = { asServer: true }
  const run = (...args: string[]) =>
    timed('pgbackrest', [`--config=${configuration}`, '--stanza=bench', ...args], asServer)
  await run('stanza-create')
  return {
    version: (await timed('pgbackrest', ['version'])).stdout.trim(),
    backup: async () => {
      await cluster.setArchiving(`pgbackrest --config=${configuration} --stanza=bench archive-push %p`)
      try {
        const { ms } = await run('--type=full', 'backup')
        return { ms, storedBytes: await bytesIn(repository) }
      } finally {
        await cluster.setArchiving(accepted)
      }
    },
    restore: async (target) => {
      await rm(target, { recursive: true, force: true })
      await mkdir(target, { mode: 0o700 })
      if (account) await chown(target, account.uid, account.gid)
      const files = await run(`--pg1-path=${target}`, '--type=immediate', '--target-action=promote', 'restore')
      const started = performance.now()
      const restored = await startServer({ dataDirectory: target, binaries: cluster.binaries, clock: systemClock })
      await restored.waitUntilWritable()
      const ms = files.ms + performance.now() - started
      await restored.stop('immediate')
      await rm(target, { recursive: true })
      return { ms, filesMs: files.ms }
    },
  }
}
