import { failure } from '../../errors.ts'
import { sqlState } from '../../postgres/sql-state.ts'
import { layout } from '../repository/layout.ts'
import { once, type Repository } from '../repository/repository.ts'
import { type Identified, identifyServer } from '../repository/server-identity.ts'
import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import { connectReplication, type ReplicationConnection } from './replication.ts'
import { type LineStretch, lineTo } from './timeline-history.ts'
import { storedEnd, type WalInventory } from './wal-inventory.ts'
import type { Spool } from './wal-spool.ts'
import { type StartPoint, startPoint } from './wal-start.ts'
import { type FeedListener, walStream } from './wal-stream.ts'

/** The slot that makes the server keep what was not yet received. */
export interface Slot {
  name: string
  /** Goes with the connection; for a backup that brings only its own WAL. */
  temporary: boolean
}

/** One connection on which WAL arrives. */
export interface WalFeed {
  identity: Identified
  /** Where streaming will begin. */
  start: StartPoint
  /** The way the server's history took. */
  line: readonly LineStretch[]
  /** Streams into the spool until the server's timeline ends; rejects with what broke the connection. */
  run(spool: Spool, hear: FeedListener): Promise<void>
  /** Tells the server at once how far it may count on this receiver. */
  acknowledge(): void
  close(): Promise<void>
}

export interface FeedOptions {
  url: string
  slot: Slot
  repository: Repository
  /** Checks, before anything is stored, that this is the cluster the repository belongs to. */
  admit(identity: Identified): Promise<void>
  received(): StartPoint | undefined
  /** What is stored already. */
  inventory(segmentBytes: number): Promise<WalInventory>
  /** The server said that it no longer has what follows this: what is stored is given up, and begun where it still has WAL. */
  missingAfter: Lsn | undefined
  /** A server that cannot be brought to say anything for this long is given up. */
  silenceMs: number
}

/**
 * Connects, makes or finds the slot, and settles where to begin.
 * @throws POSTGRES_UNREACHABLE, WAL_DIVERGED, errors of the server.
 */
export async function openFeed(options: FeedOptions): Promise<WalFeed> {
  const connection = await connectReplication(options.url, options.slot.name, {
    // The server gives up a receiver that vanished little later than the receiver gives up the server: until it does, the slot
    // is taken and whoever comes back is refused. By default that is a minute.
    senderTimeoutMs: 2 * options.silenceMs,
    // Memory of its own for each read would come to a segment, 16 MB, that is left to the collector.
    frugal: true,
  })
  try {
    const identity = await identifyServer(connection)
    await options.admit(identity)
    const kept = await ensureSlot(connection, options.slot, parseLsn(identity.flushed), options.missingAfter)
    const history = await fetchHistory(connection, options.repository, identity.timeline)
    const line = lineTo(identity.timeline, history)
    const inventory = options.missingAfter !== undefined ? undefined : await options.inventory(identity.walSegmentBytes)
    const start = startPoint({
      line,
      segmentBytes: identity.walSegmentBytes,
      received: options.missingAfter !== undefined ? undefined : options.received(),
      stored: (timeline) => inventory && storedEnd(inventory, timeline),
      kept,
    })
    const furthest = inventory && storedEnd(inventory, identity.timeline)
    if (furthest !== undefined && furthest > parseLsn(identity.flushed)) {
      throw failure('WAL_DIVERGED', { server: identity.flushed, stored: formatLsn(furthest) })
    }
    const streaming = walStream({ connection, slot: options.slot.name, start, silenceMs: options.silenceMs })
    return { identity, start, line, ...streaming, close: () => connection.close() }
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** The oldest position the slot keeps. */
async function ensureSlot(
  connection: ReplicationConnection,
  slot: Slot,
  flushed: Lsn,
  missingAfter: Lsn | undefined,
): Promise<Lsn> {
  if (slot.temporary) {
    await connection.query(`CREATE_REPLICATION_SLOT "${slot.name}" TEMPORARY PHYSICAL RESERVE_WAL`)
    return flushed
  }
  const [[kind, restart] = []] = await connection.query(`READ_REPLICATION_SLOT "${slot.name}"`)
  // A slot without a position is new, or was given up because it kept more than max_slot_wal_keep_size. One whose position the
  // server has no WAL for keeps nothing either: a receiver that reports an old position moves even a new slot back to it.
  const position = restart ? parseLsn(restart) : undefined
  const useless = position === undefined || (missingAfter !== undefined && position <= missingAfter)
  if (kind && useless) await connection.query(`DROP_REPLICATION_SLOT "${slot.name}"`)
  if (!kind || useless) {
    await connection.query(`CREATE_REPLICATION_SLOT "${slot.name}" PHYSICAL RESERVE_WAL`)
    const [[, made] = []] = await connection.query(`READ_REPLICATION_SLOT "${slot.name}"`)
    return made ? parseLsn(made) : flushed
  }
  return position
}

/** Brings the history of the server's timeline into the repository; the first timeline has none. */
async function fetchHistory(
  connection: ReplicationConnection,
  repository: Repository,
  timeline: number,
): Promise<string | undefined> {
  if (timeline === 1) return undefined
  const [[, content] = []] = await connection.query(`TIMELINE_HISTORY ${timeline}`)
  if (!content) return undefined
  const bytes = Buffer.from(content, 'utf8')
  await repository.put(layout.history(timeline), once(bytes), { digest: repository.digest(bytes) })
  for (const { timeline: ancestor } of lineTo(timeline, content).slice(1, -1)) {
    if (await repository.store.stat(layout.history(ancestor))) continue
    try {
      await fetchHistory(connection, repository, ancestor)
    } catch (error) {
      // A restored server has only the history it went through; an ancestor's own file may not be there.
      if (sqlState(error) !== '58P01') throw error
    }
  }
  return content
}
