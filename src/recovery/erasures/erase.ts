import type { Client } from 'pg'
import type { Clock } from '../../clock.ts'
import { failure, messageOf } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import type { Repository } from '../repository/repository.ts'
import { type ChangedTable, countChanges } from './changed-tables.ts'
import { type ErasureRecord, readErasures, recordErasure, settleErasure } from './journal.ts'
import { type ErasedRows, runErasure } from './run-erasure.ts'
import { type ErasureRule, isSubject } from './subject.ts'

export interface EraseOptions {
  repository: Repository
  /** As the owner of the schema. */
  ownerUrl: string
  clock: Clock
  /** Name in `recovery.erasures`. */
  name: string
  rule: ErasureRule
  subject: string
}

/** How many rows an erasure changes. */
export interface ErasureCount {
  /** By the statements of the plan. */
  rows: ErasedRows[]
  /** In each table, with what foreign keys and triggers take along; undefined where the server does not count. */
  tables: ChangedTable[] | undefined
}

export interface EraseResult extends ErasureCount {
  /** Of the record in the repository. */
  id: string
  /** What an earlier attempt had recorded and not finished was taken up. */
  resumed: boolean
}

/** Longest wait for a lock: services must not stand still behind an erasure that itself waits. */
const lockTimeoutMs = 10_000

/** How many rows the erasure would change; nothing is. @throws ERASURE_SUBJECT, ERASURE_FAILED */
export async function countErasure(options: Omit<EraseOptions, 'repository' | 'clock'>): Promise<ErasureCount> {
  requireSubject(options)
  return withClient(options.ownerUrl, async (client) => {
    await begin(client)
    try {
      return await counted(client, options.rule, options.subject)
    } catch (cause) {
      throw failed(options.name, cause)
    } finally {
      await client.query('ROLLBACK')
    }
  })
}

/**
 * Erases a subject. The record is in the repository before the database changes, so that a crash at any moment leaves either nothing or
 * a record: a restore then erases it again, and the same call goes on. Only an attempt known to have changed nothing is withdrawn.
 * @throws ERASURE_SUBJECT, ERASURE_FAILED, ERASURE_UNCERTAIN
 */
export async function eraseSubject(options: EraseOptions): Promise<EraseResult> {
  requireSubject(options)
  const { repository, clock, name, rule, subject } = options
  const open = (await readErasures(repository)).find(
    (each) => each.state === 'asked' && each.name === name && each.subject === subject,
  )
  const record: ErasureRecord = { name, subject, sql: rule.sql, at: clock.now() }
  const id = open?.id ?? (await recordErasure(repository, record))
  const count = await withClient(options.ownerUrl, async (client) => {
    let erased: ErasureCount
    try {
      await begin(client)
      erased = await counted(client, rule, subject)
    } catch (cause) {
      await client.query('ROLLBACK').catch(() => undefined)
      // What an earlier attempt may have committed must stay on record.
      if (!open) await settleErasure(repository, clock, id, 'withdrawn')
      throw failed(name, cause)
    }
    try {
      await client.query('COMMIT')
    } catch (cause) {
      throw failure('ERASURE_UNCERTAIN', { name, id, reason: messageOf(cause) }, { cause })
    }
    return erased
  })
  await settleErasure(repository, clock, id, 'done')
  return { id, resumed: open !== undefined, ...count }
}

async function counted(client: Client, rule: ErasureRule, subject: string): Promise<ErasureCount> {
  const { result, tables } = await countChanges(client, () => runErasure(client, rule.sql, subject))
  return { rows: result, tables }
}

async function begin(client: Client): Promise<void> {
  await client.query('BEGIN')
  await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`)
}

function requireSubject({ name, rule, subject }: Pick<EraseOptions, 'name' | 'rule' | 'subject'>): void {
  if (!isSubject(rule.parameter, subject)) throw failure('ERASURE_SUBJECT', { name, parameter: rule.parameter })
}

/** Postgres may name the subject in its message's detail, never in the message of the errors an erasure meets: codes only. */
function failed(name: string, cause: unknown): Error {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'unknown'
  return failure('ERASURE_FAILED', { name, code }, { cause })
}
