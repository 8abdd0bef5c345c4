import { DatabaseError } from 'pg'
import { type Clock, systemClock } from '../clock.ts'
import { failure } from '../errors.ts'
import { oldestMajor } from './binaries.ts'
import { addressOf, withClient } from './connection.ts'
import type { Server } from './server.ts'

/**
 * A server somebody else runs.
 * @param url `postgresql://user:password@host:port/database?...`; its parameters (`sslmode`) stay in every URL made from it.
 * One that is just starting, or recovering from a crash, is waited for.
 * @throws POSTGRES_UNREACHABLE, POSTGRES_ACCESS_DENIED, POSTGRES_TOO_OLD
 */
export async function externalServer(url: string, clock: Clock = systemClock): Promise<Server> {
  if (!URL.canParse(url)) {
    throw failure('POSTGRES_UNREACHABLE', { address: 'the given URL', reason: 'it is not a URL' })
  }
  const row = await whileStarting(clock, () =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ version: string; number: number }>(
        "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number",
      )
      return rows[0]
    }),
  )
  const version = row?.version.split(' ')[0] ?? 'unknown'
  const major = Math.floor((row?.number ?? 0) / 10_000)
  if (major < oldestMajor) throw failure('POSTGRES_TOO_OLD', { address: addressOf(url), version, oldest: oldestMajor })
  return {
    major,
    version,
    url: ({ user, password, database } = {}) => {
      const made = new URL(url)
      if (user !== undefined) {
        made.username = encodeURIComponent(user)
        made.password = password === undefined ? '' : encodeURIComponent(password)
      }
      if (database !== undefined) made.pathname = `/${encodeURIComponent(database)}`
      return made.href
    },
  }
}

/** Longest time a server is believed to be starting. */
const startsWithinMs = 60_000

/** Asks again for as long as the server says that it cannot be asked yet (SQLSTATE 57P03, cannot_connect_now). */
async function whileStarting<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  const deadline = clock.now() + startsWithinMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined
      const starting = cause instanceof DatabaseError && cause.code === '57P03'
      if (!starting || clock.now() > deadline) throw error
      await clock.sleep(100)
    }
  }
}
