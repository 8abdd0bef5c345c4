import { z } from 'zod'
import { AvalError } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import type { Server } from '../../postgres/server.ts'
import { formatLsn, type Lsn, parseLsn } from '../wal/lsn.ts'
import { standbyName } from '../wal/synchronous-names.ts'
import { type SlotState, slotState } from './slot.ts'

export interface StandbyStatus {
  /** Undefined when the server does not answer. */
  primary: PrimarySide | undefined
  standby: StandbySide | undefined
  streaming: boolean
  /** Whether commits should wait for the standby, as the pair has it; undefined when nobody asked. */
  expected: 'synchronous' | 'asynchronous' | undefined
  /** WAL the primary has written and the standby not yet received; undefined unless both answer. */
  lagBytes: number | undefined
  /** Age of the newest commit the standby shows, when it has not replayed all it was sent; 0 when it has. */
  lagMs: number | undefined
  /** What to do when something is wrong, in one sentence. */
  repair: string | undefined
}

export interface PrimarySide {
  written: Lsn
  timeline: number
  slot: SlotState
  /** As pg_stat_replication says; undefined when no standby is connected. */
  syncState: 'sync' | 'async' | 'potential' | 'quorum' | undefined
  /** Whether commits wait for the standby. */
  synchronous: boolean
}

export interface StandbySide {
  received: Lsn
  replayed: Lsn
  timeline: number
  /** False once it was promoted. */
  recovering: boolean
  /** Newest commit it shows, milliseconds since the epoch. */
  lastCommit: number | undefined
  receiving: boolean
}

/**
 * Looks at both servers; either may be down.
 * @param expected what the pair promises, to be held against what the primary does.
 */
export async function standbyStatus(
  primary: Server | undefined,
  standby: Server | undefined,
  expected?: StandbyStatus['expected'],
): Promise<StandbyStatus> {
  const [one, other] = await Promise.all([
    primary && whenItAnswers(() => primarySide(primary)),
    standby && whenItAnswers(() => standbySide(standby)),
  ])
  const streaming = one?.syncState !== undefined && other?.receiving === true
  const behind = one && other && one.timeline >= other.timeline ? one.written - other.received : undefined
  const seen = {
    primary: one,
    standby: other,
    streaming,
    expected,
    lagBytes: behind === undefined ? undefined : Number(behind > 0n ? behind : 0n),
    lagMs:
      other === undefined
        ? undefined
        : one !== undefined && one.written <= other.replayed
          ? 0
          : other.lastCommit === undefined
            ? undefined
            : Math.max(0, Date.now() - other.lastCommit),
  }
  return { ...seen, repair: repairOf(seen) }
}

function repairOf({ primary, standby, streaming, expected }: Omit<StandbyStatus, 'repair'>): string | undefined {
  const rejoin = 'bring the standby back with `aval standby rejoin`'
  if (primary === undefined && standby === undefined) return 'start the system with `aval up`'
  if (primary === undefined)
    return 'the primary does not answer: start it again, or fail over with `aval standby promote`'
  if (primary.slot === 'lost') return `the primary no longer has WAL that the standby needs: ${rejoin}`
  if (primary.slot === 'absent') return `the primary has no slot for the standby: ${rejoin}`
  if (standby === undefined) return 'the standby does not run: `aval up` starts it; when it cannot, '.concat(rejoin)
  if (!standby.recovering) return `the standby takes writes of its own: fence one of the two, then ${rejoin}`
  if (primary.slot === 'endangered')
    return 'the primary is about to give up WAL that the standby needs: look at why it does not receive'
  if (!streaming) return `the standby does not receive: look at its log; when it says WAL was removed, ${rejoin}`
  const waits = primary.synchronous && (primary.syncState === 'sync' || primary.syncState === 'quorum')
  if (expected === 'synchronous' && !waits)
    return 'commits do not wait for the standby although they should: a failover now may lose the last ones; `aval up` makes them wait again once the standby has caught up'
  if (expected === 'asynchronous' && primary.synchronous)
    return `commits wait for the standby although they should not: ${rejoin}`
  return undefined
}

const primaryRow = z.object({
  written: z.string(),
  timeline: z.coerce.number(),
  sync_state: z.enum(['sync', 'async', 'potential', 'quorum']).nullable(),
  names: z.string(),
})

async function primarySide(server: Server): Promise<PrimarySide> {
  return withClient(server.url(), async (client) => {
    const { rows } = await client.query(
      `SELECT p.lsn::text AS written, ('x' || left(pg_walfile_name(p.lsn), 8))::bit(32)::int AS timeline, r.sync_state,
              current_setting('synchronous_standby_names') AS names
         FROM pg_current_wal_flush_lsn() p (lsn)
         LEFT JOIN pg_stat_replication r ON r.application_name = $1 AND r.state = 'streaming'
        LIMIT 1`,
      [standbyName],
    )
    const row = primaryRow.parse(rows[0])
    return {
      written: parseLsn(row.written),
      timeline: row.timeline,
      slot: await slotState(client),
      syncState: row.sync_state ?? undefined,
      synchronous: row.names.includes(standbyName),
    }
  })
}

const standbyRow = z.object({
  received: z.string().nullable(),
  replayed: z.string().nullable(),
  timeline: z.coerce.number(),
  recovering: z.boolean(),
  last_commit: z.coerce.number().nullable(),
  receiving: z.boolean(),
})

/** Also for a server that was promoted, whose position is then its own. */
export async function standbySide(server: Server): Promise<StandbySide> {
  return withClient(server.url(), async (client) => {
    const { rows } = await client.query(
      `SELECT pg_last_wal_receive_lsn()::text AS received, pg_last_wal_replay_lsn()::text AS replayed,
              greatest(c.timeline_id, r.received_tli) AS timeline, pg_is_in_recovery() AS recovering,
              floor(extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000)::text AS last_commit,
              coalesce(r.status = 'streaming', false) AS receiving
         FROM pg_control_checkpoint() c LEFT JOIN pg_stat_wal_receiver r ON true`,
    )
    const row = standbyRow.parse(rows[0])
    const replayed = parseLsn(row.replayed ?? '0/0')
    // After a restart without its primary a standby has received nothing in this life; what it replayed it has.
    const received = row.received === null ? replayed : parseLsn(row.received)
    return {
      received: later(received, replayed),
      replayed,
      timeline: row.timeline,
      recovering: row.recovering,
      lastCommit: row.last_commit ?? undefined,
      receiving: row.receiving,
    }
  })
}

function later(one: Lsn, other: Lsn): Lsn {
  if (one < other) return other
  return one
}

/** As JSON: positions as Postgres writes them, null for what is not known. */
export function plainStatus(status: StandbyStatus) {
  const { primary, standby } = status
  return {
    streaming: status.streaming,
    expected: status.expected ?? null,
    lagBytes: status.lagBytes ?? null,
    lagMs: status.lagMs ?? null,
    repair: status.repair ?? null,
    primary: primary ? { ...primary, written: formatLsn(primary.written), syncState: primary.syncState ?? null } : null,
    standby: standby
      ? {
          ...standby,
          received: formatLsn(standby.received),
          replayed: formatLsn(standby.replayed),
          lastCommit: standby.lastCommit ?? null,
        }
      : null,
  }
}

async function whenItAnswers<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (
      error instanceof AvalError &&
      (error.code === 'POSTGRES_UNREACHABLE' || error.code === 'POSTGRES_ACCESS_DENIED')
    )
      return undefined
    throw error
  }
}
