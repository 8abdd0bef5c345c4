import type { Client } from 'pg'
import { z } from 'zod'
import { type Clock, timestamp } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { connect, outageOf } from '../../postgres/connection.ts'
import type { Server } from '../../postgres/server.ts'
import type { Protection } from '../engine.ts'
import type { Repository } from '../repository/repository.ts'
import { beat, type Mark } from '../wal/heartbeat.ts'
import { formatLsn } from '../wal/lsn.ts'
import { outages } from '../wal/outages.ts'
import { type KeptMark, writeKeptMark } from './kept-mark.ts'

const segmentRow = z.object({ segment: z.string(), bytes: z.coerce.number() })
const archivedRow = z.object({ name: z.string().nullable(), failed: z.boolean() })

type Placed = Mark & KeptMark

/**
 * Commits a heartbeat each time and notes, in the repository, the newest that lies in WAL the server has handed over. Only whole segments are, so
 * that what the newest ones hold is lost with the server.
 */
export async function watchArchive(options: {
  server: Server
  repository: Repository
  clock: Clock
  heartbeatMs: number
  onTrouble?: ((error: unknown) => void) | undefined
}): Promise<Protection> {
  const { server, repository, clock, heartbeatMs } = options
  let client: Client | undefined = await connect(server.url())
  const waiting: Placed[] = []
  let kept: Placed | undefined
  let queue: Promise<unknown> = Promise.resolve()

  /** One after the other: a connection runs one statement, and marks must come in their order. */
  const inTurn = <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const next = queue.then(async () => {
      try {
        client ??= await connect(server.url())
        return await work(client)
      } catch (error) {
        await client?.end().catch(() => undefined)
        client = undefined
        throw error
      }
    })
    queue = next.catch(() => undefined)
    return next
  }
  const heartbeat = () =>
    inTurn(async (on) => {
      const mark = await beat(on)
      const { rows } = await on.query(
        `SELECT pg_walfile_name($1::pg_lsn) AS segment,
                (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size') AS bytes`,
        [formatLsn(mark.lsn)],
      )
      const { segment, bytes } = segmentRow.parse(rows[0])
      waiting.push({ ...mark, segment, walSegmentBytes: bytes })
      return mark
    })
  const look = () =>
    inTurn(async (on) => {
      const { rows } = await on.query(
        `SELECT last_archived_wal AS name, coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL) AS failed
           FROM pg_stat_archiver`,
      )
      const { name, failed } = archivedRow.parse(rows[0])
      const archived = name?.slice(0, 24) ?? ''
      let newest: Placed | undefined
      while (waiting[0] && /^[0-9A-F]{24}$/.test(archived) && waiting[0].segment <= archived) newest = waiting.shift()
      if (newest) {
        const { at, segment, walSegmentBytes } = newest
        await writeKeptMark(repository, { at, segment, walSegmentBytes })
        kept = newest
      }
      if (failed) throw failure('ENGINE_ARCHIVING_FAILS', { segment: archived || 'none' })
    })

  const stopping = new AbortController()
  const outage = outages(options.onTrouble, clock.now).part()
  const loop = async () => {
    while (!stopping.signal.aborted) {
      try {
        await heartbeat()
        await look()
        outage.over()
      } catch (error) {
        outage.hit(outageOf(error, options.server.url()))
      }
      await clock.sleep(heartbeatMs, stopping.signal).catch(() => undefined)
    }
  }
  const looping = heartbeatMs > 0 ? loop() : Promise.resolve()
  const waitUntilKept = async (mark: Mark, timeoutMs: number) => {
    const deadline = clock.now() + timeoutMs
    // Else it would lie in the segment until that is full, or archive_timeout is over.
    await inTurn((on) => on.query('SELECT pg_switch_wal()'))
    for (;;) {
      await look()
      if (kept && kept.lsn >= mark.lsn) return
      if (clock.now() >= deadline) {
        const until = kept ? timestamp(kept.at) : 'no moment yet'
        throw failure('ENGINE_NOT_KEPT', { at: timestamp(mark.at), seconds: timeoutMs / 1000, kept: until })
      }
      await clock.sleep(50)
    }
  }
  return {
    heartbeat,
    waitUntilKept,
    keptUntil: () => kept?.at,
    stop: async () => {
      stopping.abort()
      await looping
      // What the last seconds brought, when the server is still there to hand it over.
      await heartbeat()
        .then((mark) => waitUntilKept(mark, 5_000))
        .catch(() => undefined)
      await client?.end().catch(() => undefined)
    },
  }
}
