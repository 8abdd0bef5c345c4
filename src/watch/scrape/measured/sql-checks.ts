import { Client, escapeIdentifier } from 'pg'
import type { Clock } from '../../../clock.ts'
import type { SqlCheck, Telemetry } from '../../../plan/telemetry.ts'
import { type Reading, reading, type Target } from '../reading.ts'
import { readSqlNotice } from './sql-notice.ts'

/** Conditions that a database judges by itself and tells by NOTIFY. */
export interface SqlChecks {
  targets: Target[]
  /** When a metric was last told of, milliseconds since the epoch; -Infinity when it never was. */
  toldAtMs(metric: string): number
}

interface Options {
  telemetry: Telemetry
  instance: string
  /** Of the superuser; asked before every reading, since the server may be another by then. */
  url: () => string
  everyMs: number
  timeoutMs: number
  clock: Clock
  /** Ends the listening. */
  signal: AbortSignal
}

/**
 * Calls every check of the plan at its pace and listens to what the database tells. A metric that has a query is only read again
 * when it is told of; of one without, the figure told counts for as long as two calls take. What is told while nobody listens is lost: so
 * a check is called as soon as it is listened to again.
 */
export function sqlChecks(options: Options): SqlChecks {
  const listeners = Object.entries(options.telemetry.checks).map(([name, check]) => listenTo(name, check, options))
  return {
    targets: listeners.map(({ target }) => target),
    toldAtMs: (metric) => Math.max(-Infinity, ...listeners.map(({ told }) => told.get(metric)?.atMs ?? -Infinity)),
  }
}

function listenTo(name: string, check: SqlCheck, options: Options) {
  const { telemetry, instance, url, everyMs, timeoutMs, clock, signal } = options
  const told = new Map<string, { value: number; atMs: number }>()
  const known = new Set(Object.keys(check.tells))
  const refused = { shape: 0, check: 0 }
  let heard: { client: Client; url: string } | undefined
  let nextMs = -Infinity

  const hear = (payload: string) => {
    const notice = readSqlNotice(payload, known)
    if (notice === 'message') return
    if ('refused' in notice) refused[notice.refused] += 1
    else told.set(check.tells[notice.check] ?? '', { value: notice.value, atMs: clock.now() })
  }
  const forget = (client: Client) => {
    if (heard?.client === client) heard = undefined
    void client.end().catch(() => {})
  }
  const listen = async (at: string): Promise<Client> => {
    const client = new Client({
      connectionString: at,
      application_name: `aval check ${name}`,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
    })
    client.on('error', () => forget(client))
    client.on('end', () => forget(client))
    client.on('notification', ({ payload }) => hear(payload ?? ''))
    try {
      await client.connect()
      await client.query(`LISTEN ${escapeIdentifier(check.channel)}`)
    } catch (error) {
      forget(client)
      throw error
    }
    heard = { client, url: at }
    nextMs = -Infinity
    return client
  }
  const listening = async (): Promise<Client> => {
    const at = url()
    if (heard?.url === at) return heard.client
    if (heard) forget(heard.client)
    return listen(at)
  }
  signal.addEventListener('abort', () => heard && forget(heard.client), { once: true })

  const read = async (): Promise<Reading[]> => {
    const client = await listening()
    try {
      if (clock.now() < nextMs) await client.query('SELECT')
      else {
        await call(client, check, timeoutMs)
        nextMs = clock.now() + check.every * 0.9
      }
    } catch (error) {
      // A connection that broke without a word is told from one that is quiet by this alone.
      forget(client)
      throw error
    }
    const figures = [...told].flatMap(([metric, { value, atMs }]) =>
      telemetry.metrics[metric]?.query === undefined && clock.now() - atMs < 2 * check.every
        ? [reading(metric, value)]
        : [],
    )
    return [...figures, ...Object.entries(refused).map(([kind, count]) => refusals(name, kind, count))]
  }
  return { target: { job: `check:${name}`, instance, everyMs, timeoutMs, own: true, read }, told }
}

function refusals(check: string, kind: string, count: number): Reading {
  return reading('aval_check_refused_total', count, { check, kind })
}

/** A check may look and tell, and change nothing. What it tells is sent at the commit. */
async function call(client: Client, { call: sql, role }: SqlCheck, timeoutMs: number): Promise<void> {
  await client.query('BEGIN READ ONLY')
  try {
    await client.query("SELECT set_config('statement_timeout', $1, true)", [String(timeoutMs)])
    if (role !== undefined) await client.query("SELECT set_config('role', $1, true)", [role])
    await client.query(sql)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
