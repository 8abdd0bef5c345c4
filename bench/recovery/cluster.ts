import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { type Binaries, findBinaries } from '../../src/postgres/binaries.ts'
import { withClient } from '../../src/postgres/connection.ts'
import { startServer } from '../../src/postgres/launch.ts'
import type { OwnedServer } from '../../src/postgres/server.ts'

/** The cluster every engine of a run backs up, and how it grows. */
export interface BenchCluster {
  server: OwnedServer
  binaries: Binaries
  /** Adds rows until the databases hold so many bytes, then writes them out. */
  growTo(bytes: number): Promise<void>
  setArchiving(command: string): Promise<void>
  stop(): Promise<void>
}

export const accepted = '/bin/true'

/** Rows of about 1 KB in one table: half of each is random, the other half the same words. */
const fill = `
  INSERT INTO filler (text, bytes)
  SELECT repeat('the same words in every row, ', 17), gen_random_bytes(480)
  FROM generate_series(1, $1::int)`

export async function benchCluster(directory: string): Promise<BenchCluster> {
  const binaries = await findBinaries('installed', { major: 15 })
  const dataDirectory = join(directory, 'cluster')
  const settings = {
    shared_buffers: '256MB',
    max_wal_size: '8GB',
    checkpoint_timeout: '30min',
    autovacuum: false,
    archive_mode: true,
    archive_command: accepted,
    synchronous_commit: false,
  }
  const clock = systemClock
  const server = await startServer({ dataDirectory, binaries, clock, settings })
  // pgBackRest runs as the account that owns the files, which the server would not know.
  const rules = join(dataDirectory, 'pg_hba.conf')
  await writeFile(rules, `local all all trust\n${await readFile(rules, 'utf8')}`)
  const run = (sql: string, values: unknown[] = []) => withClient(server.url(), (client) => client.query(sql, values))
  await run('SELECT pg_reload_conf()')
  await run('CREATE EXTENSION pgcrypto')
  await run('CREATE TABLE filler (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text, bytes bytea)')
  const size = async () =>
    Number((await run('SELECT sum(pg_database_size(oid))::bigint AS bytes FROM pg_database')).rows[0]?.bytes)
  return {
    server,
    binaries,
    growTo: async (bytes) => {
      for (let missing = bytes - (await size()); missing > 2e6; missing = bytes - (await size())) {
        await run(fill, [Math.min(200_000, Math.floor(missing / 1_200))])
      }
      await run('CHECKPOINT')
    },
    setArchiving: async (command) => {
      await run(`ALTER SYSTEM SET archive_command = '${command.replaceAll("'", "''")}'`)
      await run('SELECT pg_reload_conf()')
    },
    stop: () => server.stop('immediate'),
  }
}
