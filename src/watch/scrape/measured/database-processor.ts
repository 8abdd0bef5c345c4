import type { Client } from 'pg'
import { z } from 'zod'
import type { Clock } from '../../../clock.ts'
import { reading, type Target } from '../reading.ts'
import type { HostSource } from './host.ts'
import { readDatabase } from './read-database.ts'

/**
 * What a database on this machine takes of its processor: `db_cpu_usage_ratio`, from the second reading on. The database is asked for its processes,
 * so that it is a source of its own: one that hangs takes the figures of the machine with it no more.
 * @param url of a role that has `pg_monitor`; asked for at each reading.
 */
export function databaseProcessorTarget(options: {
  instance: string
  url: () => string
  everyMs: number
  timeoutMs: number
  source: HostSource
  clock: Clock
}): Target {
  const { instance, url, everyMs, timeoutMs, source, clock } = options
  let before: { seconds: number; atMs: number } | undefined
  return {
    job: 'postgres-processor',
    instance,
    everyMs,
    timeoutMs,
    own: true,
    read: async (signal) => {
      const pids = await readDatabase(url(), { timeoutMs, signal }, processes)
      const seconds = await source.processSeconds(pids)
      if (seconds === undefined) return []
      const last = before
      const now = { seconds, atMs: clock.now() }
      before = now
      if (last === undefined || now.atMs <= last.atMs) return []
      const used = (seconds - last.seconds) / ((now.atMs - last.atMs) / 1000) / source.processor().count
      // Processes that ended took their time with them.
      return [reading('db_cpu_usage_ratio', Math.min(1, Math.max(0, used)))]
    },
  }
}

const rowsSchema = z.array(z.object({ pid: z.int() }))

async function processes(client: Client): Promise<number[]> {
  const { rows } = await client.query('SELECT pid FROM pg_stat_activity')
  return rowsSchema.parse(rows).map(({ pid }) => pid)
}
