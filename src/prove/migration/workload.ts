import type { Client } from 'pg'
import type { Clock } from '../../clock.ts'
import { connect } from '../../postgres/connection.ts'
import type { Random } from '../../random.ts'
import type { Filling } from './fill-tables.ts'

/** Clients that write and read while migrations run. */
export interface Workload {
  /** Writes that were answered, and the longest that one of them waited, milliseconds. */
  report(): { writes: number; longestMs: number; table: string | undefined }
  stop(): Promise<void>
}

const writers = 3
const pauseMs = 5
/** How long a report keeps the table that it reads. */
const readMs = 50

/**
 * Starts clients that write a row of a table after the other, and one that reads in transactions of some length. A statement that is
 * refused, since a migration took its column away, writes nothing and is left out of what is told.
 * @param url of a superuser, so that no policy and no trigger has a part in what is measured
 */
export async function startWorkload(options: {
  url: string
  tables: Filling['tables']
  random: Random
  clock: Clock
}): Promise<Workload> {
  const { url, tables, random, clock } = options
  const stopping = new AbortController()
  const seen = { writes: 0, longestMs: 0, table: undefined as string | undefined }
  const pause = (ms: number) => clock.sleep(ms, stopping.signal).catch(() => undefined)
  const write = async (client: Client, own: Random) => {
    await client.query("SET session_replication_role = replica; SET synchronous_commit = 'off'")
    while (!stopping.signal.aborted) {
      const { sql, column } = own.pick(tables)
      const from = clock.now()
      const answered = await client
        .query(`UPDATE ${sql} SET ${column} = ${column} WHERE ctid = (SELECT ctid FROM ${sql} LIMIT 1)`)
        .then(
          () => true,
          () => false,
        )
      const tookMs = clock.now() - from
      if (answered) seen.writes++
      if (answered && tookMs > seen.longestMs) Object.assign(seen, { longestMs: tookMs, table: sql })
      await pause(pauseMs)
    }
  }
  const read = async (client: Client, own: Random) => {
    while (!stopping.signal.aborted) {
      await client.query('BEGIN')
      await client.query(`SELECT 1 FROM ${own.pick(tables).sql} LIMIT 100`).catch(() => undefined)
      await pause(readMs)
      await client.query('ROLLBACK')
    }
  }
  const clients = tables.length === 0 ? [] : await Promise.all(Array.from({ length: writers + 1 }, () => connect(url)))
  const working = Promise.all(
    clients.map((client, index) => (index === 0 ? read : write)(client, random.fork(`client ${index}`))),
  )
  return {
    report: () => ({ ...seen }),
    stop: async () => {
      stopping.abort()
      await working.finally(() => Promise.all(clients.map((client) => client.end())))
    },
  }
}
