import { withClient } from '../../../postgres/connection.ts'
import type { Beginning } from '../run.ts'

/** Writes to a table that no fault touches, while one is mended: what a recovery must not lose. */
export interface Elsewhere {
  /** Ends the writing. @returns how many acknowledged rows there are, and how many of them the database holds. */
  compare(): Promise<{ acknowledged: number; there: number }>
  /** Removes the table. */
  tidy(): Promise<void>
}

const pauseMs = 50

/** Starts to write, a row at a time, each acknowledged by its commit. */
export async function writeElsewhere({ session, site }: Beginning): Promise<Elsewhere> {
  const { clock } = session
  // Asked anew each time: the database may be another one by then.
  const url = () => site.environment.server.url({ database: site.environment.database.name })
  await withClient(url(), (client) =>
    client.query('CREATE TABLE IF NOT EXISTS aval_elsewhere (number integer PRIMARY KEY)'),
  )
  const stopping = new AbortController()
  let acknowledged = 0
  const write = async () => {
    while (!stopping.signal.aborted) {
      const next = acknowledged + 1
      await withClient(url(), (client) => client.query('INSERT INTO aval_elsewhere VALUES ($1)', [next])).then(
        () => {
          acknowledged = next
        },
        () => undefined,
      )
      await clock.sleep(pauseMs, stopping.signal).catch(() => undefined)
    }
  }
  const writing = write()
  const stop = async () => {
    stopping.abort()
    await writing
  }
  session.defer(stop)
  return {
    compare: async () => {
      await stop()
      const there = await withClient(url(), async (client) => {
        const { rows } = await client.query<{ there: number }>(
          'SELECT count(*)::int AS there FROM aval_elsewhere WHERE number <= $1',
          [acknowledged],
        )
        return rows[0]?.there ?? 0
      }).catch(() => 0)
      return { acknowledged, there }
    },
    tidy: async () => {
      await stop()
      await withClient(url(), (client) => client.query('DROP TABLE IF EXISTS aval_elsewhere'))
    },
  }
}
