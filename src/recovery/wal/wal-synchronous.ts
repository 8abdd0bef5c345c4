import { type Client, escapeIdentifier, escapeLiteral } from 'pg'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { type Lsn, parseLsn } from './lsn.ts'
import { patientClient } from './patient-client.ts'
import { standbyName, withoutReceiver, withoutStandby, withReceiver } from './synchronous-names.ts'

/*
 * Commits that wait for the receiver. Postgres lets a commit return once the standby named in `synchronous_standby_names` has
 * said that its WAL is safe; the receiver says so for what is in its spool, or in the store. Which transactions wait is up to
 * them: `synchronous_commit` is a setting of a role, a session or one transaction.
 */

export interface SynchronousOptions {
  /** URL of a superuser, or of a role that may ALTER SYSTEM synchronous_standby_names. */
  url: string
  /**
   * While the receiver is away commits wait for it, however long; or for so many milliseconds, after which they return without it
   * until it is back. The second needs whoever runs this to be alive.
   */
  whenAway: 'wait' | number
  /** Hears of every change, so that nobody degrades in silence. */
  onChange?: (state: SynchronousState) => void
}

/**
 * off: not asked for. waiting: the receiver has not caught up, and commits may be waiting for it. synchronous: a commit returns
 * once the receiver has it. degraded: given up for now, commits return without it.
 */
export type SynchronousState = 'off' | 'waiting' | 'synchronous' | 'degraded'

export interface SynchronousKeeper {
  state(): SynchronousState
  /** @param options.release lets commits go on without the receiver; else the setting stays as it is. */
  stop(options: { release: boolean }): Promise<void>
}

interface Seen {
  /** The present setting. */
  names: string
  /** How far the server has flushed. */
  server: Lsn
  /** How far the receiver says it is; undefined while it does not stream. */
  standby: Lsn | undefined
}

const answerMs = 5_000

/**
 * Names the receiver in `synchronous_standby_names` once it has caught up, and watches over it from then on, beside the standby
 * where there is one. A setting somebody else made is never replaced.
 * @param standby the application_name of the receiver.
 */
export function keepSynchronous(
  { url, whenAway, onChange }: SynchronousOptions,
  context: { standby: string; clock: Clock; onTrouble?: (error: unknown) => void; everyMs?: number },
): SynchronousKeeper {
  const { standby, clock } = context
  const everyMs = context.everyMs ?? 200
  const stopping = new AbortController()
  const client = patientClient(url, answerMs)
  const ours = escapeIdentifier(standby)
  let state: SynchronousState = 'waiting'
  let target: Lsn | undefined
  let behindSince: number | undefined
  let told = false

  const become = (next: SynchronousState) => {
    if (next === state) return
    state = next
    onChange?.(next)
  }
  const step = async (on: Client) => {
    const seen = await look(on, standby)
    if (!seen) return become(state === 'degraded' ? state : 'waiting')
    const caught = target !== undefined && seen.standby !== undefined && seen.standby >= target
    target = seen.server
    const now = clock.now()
    if (caught) behindSince = undefined
    else if (behindSince === undefined || behindSince > now) behindSince = now

    const named = mentions(seen.names, standby)
    const joined = withReceiver(seen.names, ours)
    if (!named && joined === undefined) {
      if (!told) context.onTrouble?.(failure('WAL_SYNCHRONOUS_TAKEN', { names: seen.names, standby }))
      told = true
      return become('waiting')
    }
    if (!named && caught) {
      await setNames(on, joined)
      return
    }
    const patience = whenAway === 'wait' ? Number.POSITIVE_INFINITY : whenAway
    const alone = withoutReceiver(seen.names, ours)
    if (alone !== undefined && behindSince !== undefined && now - behindSince >= patience) {
      await setNames(on, alone)
      return become('degraded')
    }
    if (named) become(caught ? 'synchronous' : 'waiting')
    else if (state !== 'degraded') become('waiting')
  }
  const loop = async () => {
    while (!stopping.signal.aborted) {
      await client.run(step).catch(() => {
        // Without the server nobody commits. The receiver meets the same outage and tells of it.
        target = undefined
        if (state === 'synchronous') become('waiting')
      })
      await clock.sleep(everyMs, stopping.signal).catch(() => undefined)
    }
  }
  const looping = loop()
  return {
    state: () => state,
    stop: async ({ release }) => {
      stopping.abort()
      await looping
      if (release) {
        await client
          .run(async (on) => {
            const seen = await look(on, standby)
            const alone = seen && withoutReceiver(seen.names, ours)
            if (alone !== undefined) await setNames(on, alone)
          })
          .catch(() => undefined)
      }
      await client.end()
      if (release) become('degraded')
    },
  }
}

/**
 * Lets commits return without any standby. For a server that was just started or restored: its settings may name a receiver
 * that is not there yet, and the first commit would wait for it for ever.
 * @param whom a standby that follows already stays named.
 */
export async function releaseCommits(client: Client, whom: 'all' | 'but the standby' = 'all'): Promise<void> {
  const { rows } = await client.query<{ names: string }>("SELECT current_setting('synchronous_standby_names') AS names")
  const names = rows[0]?.names ?? ''
  const wanted = whom === 'but the standby' && withoutStandby(names) !== names ? standbyName : ''
  if (names !== wanted) await setNames(client, wanted)
}

/** What the server knows of the receiver; undefined while it is no primary. */
async function look(client: Client, standby: string): Promise<Seen | undefined> {
  const { rows } = await client.query<{ names: string; server: string | null; standby: string | null }>(
    `SELECT current_setting('synchronous_standby_names') AS names,
            CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_flush_lsn()::text END AS server,
            (SELECT max(flush_lsn)::text FROM pg_stat_replication
              WHERE application_name = $1 AND state = 'streaming') AS standby`,
    [standby],
  )
  const [row] = rows
  if (!row || row.server === null) return undefined
  return {
    names: row.names,
    server: parseLsn(row.server),
    standby: row.standby === null ? undefined : parseLsn(row.standby),
  }
}

async function setNames(client: Client, names: string | undefined): Promise<void> {
  await client.query(
    names === undefined || names === ''
      ? 'ALTER SYSTEM RESET synchronous_standby_names'
      : `ALTER SYSTEM SET synchronous_standby_names = ${escapeLiteral(names)}`,
  )
  await client.query('SELECT pg_reload_conf()')
}

/** Whether a setting names a standby, alone or among others. */
function mentions(names: string, standby: string): boolean {
  return names
    .split(/[^A-Za-z0-9_."*]+/)
    .map((each) => each.replaceAll('"', ''))
    .includes(standby)
}
