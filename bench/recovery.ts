/*
 * Backup and restore of a growing Postgres 15 cluster, half of whose bytes compress: Aval (compressed, encrypted) against pgBackRest (lz4,
 * aes-256-cbc, two processes) and plain pg_basebackup, on the same disk and in turns, and the time of a restore projected to what the
 * plans declare.
 *
 *   node bench/recovery.ts [--sizes 0.5,1,2,4] [--rounds 3] [--directory /var/tmp/aval-bench] [--only aval]
 *
 * Needs Postgres 15 with its tools, and pgBackRest, from Debian; as root. About five times the largest size of disk.
 */
import { chmod, rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { avalBackup, avalRestore, freshDirectory } from './recovery/aval.ts'
import { benchCluster } from './recovery/cluster.ts'
import { plainBackup } from './recovery/pg-basebackup.ts'
import { pgBackRest } from './recovery/pgbackrest.ts'

const gigabyte = 2 ** 30
const options = z
  .object({
    sizes: z.string().transform((text) => text.split(',').map(Number)),
    rounds: z.coerce.number().int().positive(),
    directory: z.string(),
    only: z.enum(['all', 'aval', 'files']),
  })
  .parse(
    parseArgs({
      options: {
        sizes: { type: 'string', default: '0.5,1,2,4' },
        rounds: { type: 'string', default: '3' },
        directory: { type: 'string', default: '/var/tmp/aval-bench' },
        only: { type: 'string', default: 'all' },
      },
    }).values,
  )

const root = await freshDirectory(options.directory)
await chmod(root, 0o755)
const path = (...parts: string[]) => join(root, ...parts)
const cluster = await benchCluster(root)
try {
  const rival = options.only === 'all' ? await pgBackRest(cluster, path('pgbackrest')) : undefined
  console.log(`${cpus().length} x ${cpus()[0]?.model}; Node ${process.version}; Postgres ${cluster.binaries.version}`)
  for (const size of options.sizes) {
    await cluster.growTo(size * gigabyte)
    for (let round = 0; round < options.rounds; round++) {
      const plain = await plainBackup(cluster, path('plain'))
      const repository = await freshDirectory(path('repository'))
      const backup = await avalBackup(cluster, repository)
      const restored = await avalRestore(cluster, repository, path('restored'))
      const theirs = await rival?.backup()
      const theirRestore = await rival?.restore(path('restored'))
      console.log(JSON.stringify({ size, plain, backup, restored, theirs, theirRestore }))
    }
  }
} finally {
  await cluster.stop()
  await rm(root, { recursive: true, force: true })
}
