import type { Client } from 'pg'
import { z } from 'zod'
import { type Reading, reading, type Target } from '../reading.ts'
import { figure, readDatabase } from './read-database.ts'

/** Statements that are told of, those that took longest in sum. */
const slowest = 20

/**
 * What Postgres knows of itself: connections, sizes, replication, archiving, slots, age of transactions, and statements by their number, never
 * by their text. Sizes of tables are of the tables that `telemetry.labels.table_name` of the plan lists.
 * @param url asked for at each reading, since a database may move; of a role that has `pg_monitor`.
 */
export function postgresTarget(options: {
  instance: string
  url: () => string
  everyMs: number
  timeoutMs: number
}): Target {
  const { instance, url, everyMs, timeoutMs } = options
  return {
    job: 'postgres',
    instance,
    everyMs,
    timeoutMs,
    own: true,
    read: (signal) =>
      readDatabase(url(), { timeoutMs, signal }, async (client) => [
        ...(await connections(client)),
        ...(await sizes(client)),
        ...(await durability(client)),
        ...(await statements(client)),
      ]),
  }
}

const states = ['active', 'idle', 'idle in transaction', 'idle in transaction (aborted)'] as const

async function connections(client: Client): Promise<Reading[]> {
  const { rows } = await client.query(
    `SELECT state, count(*) AS connections FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid() GROUP BY state`,
  )
  const counts = new Map(
    z
      .array(z.object({ state: z.string().nullable(), connections: figure }))
      .parse(rows)
      .map(({ state, connections }) => [state, connections]),
  )
  const most = await client.query("SELECT current_setting('max_connections')::int AS most")
  return [
    reading('db_connections_active', counts.get('active') ?? 0),
    reading('db_connections_idle', counts.get('idle') ?? 0),
    ...states.map((state) => reading('aval_postgres_connections', counts.get(state) ?? 0, { state })),
    reading('aval_postgres_connections_most', z.object({ most: figure }).parse(most.rows[0]).most),
  ]
}

async function sizes(client: Client): Promise<Reading[]> {
  const database = await client.query('SELECT pg_database_size(current_database()) AS bytes')
  // A partition counts for the table it belongs to.
  const tables = await client.query(
    `SELECT coalesce(r.relname, c.relname) AS name, sum(pg_total_relation_size(c.oid)) AS bytes
     FROM pg_class c LEFT JOIN pg_class r ON r.oid = pg_partition_root(c.oid)
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') GROUP BY 1`,
  )
  const bytes = z.array(z.object({ name: z.string(), bytes: figure })).parse(tables.rows)
  return [
    reading('db_size_bytes', z.object({ bytes: figure }).parse(database.rows[0]).bytes),
    ...bytes.map((table) => reading('db_table_size_bytes', table.bytes, { table_name: table.name })),
  ]
}

const durabilityRow = z.object({
  lag_seconds: figure.nullable(),
  lag_bytes: figure.nullable(),
  archive_failures: figure,
  archive_seconds: figure.nullable(),
  slots_inactive: figure,
  slot_bytes: figure,
  wraparound: figure,
})

async function durability(client: Client): Promise<Reading[]> {
  const { rows } = await client.query(
    `WITH here AS (
       SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS lsn
     )
     SELECT
       CASE WHEN pg_is_in_recovery()
         THEN CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
              ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END
         ELSE (SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication) END AS lag_seconds,
       (SELECT max(pg_wal_lsn_diff(here.lsn, replay_lsn)) FROM pg_stat_replication) AS lag_bytes,
       (SELECT failed_count FROM pg_stat_archiver) AS archive_failures,
       (SELECT extract(epoch FROM last_archived_time) FROM pg_stat_archiver) AS archive_seconds,
       (SELECT count(*) FROM pg_replication_slots WHERE NOT active) AS slots_inactive,
       (SELECT coalesce(max(pg_wal_lsn_diff(here.lsn, restart_lsn)), 0) FROM pg_replication_slots) AS slot_bytes,
       (SELECT max(age(datfrozenxid)) / 2147483648.0 FROM pg_database) AS wraparound
     FROM here`,
  )
  const row = durabilityRow.parse(rows[0])
  const known = (name: string, value: number | null) => (value === null ? [] : [reading(name, value)])
  return [
    ...known('aval_postgres_replication_lag_seconds', row.lag_seconds),
    ...known('aval_postgres_replication_lag_bytes', row.lag_bytes),
    reading('aval_postgres_archive_failures_total', row.archive_failures),
    ...known('aval_postgres_archive_last_success_timestamp_seconds', row.archive_seconds),
    reading('aval_postgres_slots_inactive', row.slots_inactive),
    reading('aval_postgres_slot_kept_bytes', row.slot_bytes),
    reading('aval_postgres_wraparound_ratio', row.wraparound),
  ]
}

const statementRow = z.object({ query: z.string(), calls: figure, seconds: figure })

/** Nothing without the extension `pg_stat_statements` in the database. */
async function statements(client: Client): Promise<Reading[]> {
  const found = await client.query(
    `SELECT quote_ident(n.nspname) AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
     WHERE extname = 'pg_stat_statements' AND current_setting('shared_preload_libraries') ~ 'pg_stat_statements'`,
  )
  const extension = z.object({ schema: z.string() }).optional().parse(found.rows[0])
  if (!extension) return []
  const { rows } = await client.query(
    `SELECT queryid::text AS query, sum(calls) AS calls, sum(total_exec_time) / 1000 AS seconds
     FROM ${extension.schema}.pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL
     GROUP BY queryid ORDER BY seconds DESC LIMIT ${slowest}`,
  )
  return z
    .array(statementRow)
    .parse(rows)
    .flatMap(({ query, calls, seconds }) => [
      reading('aval_postgres_statement_calls_total', calls, { query }),
      reading('aval_postgres_statement_seconds_total', seconds, { query }),
    ])
}
