import type { Client } from 'pg'
import type { Clock } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { System } from '../../project/project.ts'
import { readDatabase } from '../../watch/scrape/measured/read-database.ts'
import { breachesWithin } from '../integrity/invariant.ts'
import { standingHoles } from '../isolation/standing-holes.ts'
import type { Finding, Judged } from '../prover.ts'
import { recordSteps } from '../steps.ts'
import { needs } from './needs.ts'

export interface ExternalOptions {
  system: System
  /** As any role that may read: no superuser is needed. */
  url: string
  guarantees: readonly Guarantee[]
  clock: Clock
  signal: AbortSignal
  progress(subject: string, step: string): void
}

const longestQueryMs = 60_000

/**
 * What can be known of promises at a server others work with, by reading alone: every transaction is read-only, asks no longer than a minute at a time and is rolled back. The rest
 * says what it would need. Nothing found here is about the whole promise where that takes more than reading: it can be refuted by it, never proven.
 */
export async function* proveExternally(options: ExternalOptions): AsyncIterable<Finding> {
  const { guarantees, clock, signal } = options
  for (const guarantee of guarantees) {
    signal.throwIfAborted()
    const startedAt = clock.now()
    const steps = recordSteps(clock, (step) => options.progress(guarantee.id, step))
    const look = lookFor(guarantee, options)
    const judged: Judged =
      look === undefined
        ? unread(guarantee)
        : await steps
            .do('asked at the server', () => readDatabase(options.url, { timeoutMs: longestQueryMs, signal }, look))
            .catch((error: unknown) => {
              signal.throwIfAborted()
              return denied(error)
            })
    yield { ...judged, guarantee, steps: steps.done(), startedAt, tookMs: clock.now() - startedAt }
  }
}

type Look = (client: Client) => Promise<Judged>

function lookFor(guarantee: Guarantee, { system }: ExternalOptions): Look | undefined {
  const { database } = system.plan
  if (database === undefined) return undefined
  const [section, part, name] = guarantee.path
  if (guarantee.kind === 'integrity' && section === 'database' && part === 'invariants') {
    const invariant = database.invariants[String(name)]
    return invariant && ((client) => lookAtInvariant(client, invariant.sql))
  }
  const { rowSecurity } = database
  if (guarantee.id === 'isolation/database/rows' && rowSecurity !== undefined)
    return async (client) => {
      const { holes, tables } = await standingHoles(client, {
        roles: Object.keys(database.roles),
        rowSecurity,
        platform: database.platform,
      })
      if (holes.length === 0)
        return {
          outcome: 'inconclusive',
          reason: `Row security is on for all of ${tables} tables and binds every role that serves clients; whether its policies hold was not tried`,
          remedy: `A proof needs ${needs.isolation}: aval prove ${system.name} --only isolation`,
        }
      return {
        outcome: 'measured',
        measured: holes.length,
        sample: { size: tables, of: 'tables looked at in the catalog' },
        scale: null,
        reason: holes
          .slice(0, 3)
          .map(({ role, what, on }) => `${role} ${what} ${on}`)
          .join('; '),
        remedy: holes[0]?.remedy,
      }
    }
  return undefined
}

async function lookAtInvariant(client: Client, sql: string): Promise<Judged> {
  // A row that row security hides would be no breach: the query fails in its place.
  await client.query('SET LOCAL row_security = off')
  const breaches = await breachesWithin(client, sql)
  // A count of every row would burden a server that others work with.
  const { rows } = await client.query<{ rows: string }>(
    `SELECT coalesce(sum(greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid), 0)), 0)::bigint AS rows FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname <> ALL ('{pg_catalog,information_schema,aval}')`,
  )
  return {
    outcome: 'measured',
    measured: breaches,
    sample: { size: Math.max(breaches, Number(rows[0]?.rows ?? 0)), of: 'rows of the database, by its own estimate' },
    scale: null,
    reason: breaches === 0 ? 'No row breaks the claim' : `${breaches} rows break the claim`,
    remedy: 'Look for the rows with the query of the invariant, and for what wrote them',
  }
}

function unread({ kind }: Guarantee): Judged {
  return {
    outcome: 'inconclusive',
    reason: `It cannot be proven by reading alone: it takes ${needs[kind]}`,
    remedy: 'Prove it in a scratch environment: the same command without --env',
  }
}

const insufficientPrivilege = '42501'
const readOnlyTransaction = '25006'

function denied(error: unknown): Judged {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const [reason, remedy] =
    code === insufficientPrivilege
      ? [
          'The role of the URL may not read all that the question is about, or row security hides rows from it',
          'Give the URL of a role with pg_read_all_data and BYPASSRLS, or of the owner of the tables',
        ]
      : code === readOnlyTransaction
        ? [`The question would write: ${messageOf(error)}`, 'Ask in the plan by a query that only reads']
        : [`The server could not be asked: ${messageOf(error)}`, 'See that the URL reaches the server, and ask again']
  return { outcome: 'inconclusive', reason, remedy }
}
