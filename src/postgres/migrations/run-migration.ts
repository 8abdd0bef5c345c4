import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Client, DatabaseError } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { Clock } from '../../clock.ts'
import { connect, withClient } from '../connection.ts'
import { dropInvalidIndex, settle } from './concurrent-index.ts'
import { statementFailure } from './failed-statement.ts'
import type { Migration } from './migration.ts'
import { type MigrationRecord, writeRecord } from './record.ts'
import type { Statement } from './statement.ts'
import { doneChecksum } from './status.ts'
import { stepsOf } from './step.ts'

export interface Pending {
  migration: Migration
  statements: readonly Statement[]
  /** Of an interrupted attempt. */
  record: MigrationRecord | undefined
}

/** Somebody who looks on while statements run, such as a proof that counts the locks they hold. */
export interface Onlooker {
  /** A statement is about to be sent. */
  begins(migration: Migration, statement: Statement): void
  /** It ended well. Waited for, so that what its transaction holds can be looked at. */
  ended(): Promise<void>
  /** Nothing that any statement took is held any more. */
  released(): void
}

export interface Run {
  clock: Clock
  onlooker?: Onlooker | undefined
  /** Rejects when the lock is lost. */
  held: () => Promise<void>
  signal: AbortSignal | undefined
}

/**
 * Runs what is left of one migration, step by step. Each step is recorded in its own transaction; one that can have none is
 * recorded as underway before, and as done after.
 * @throws MIGRATION_FAILED
 */
export async function runMigration(url: string, pending: Pending, run: Run): Promise<void> {
  const { migration, statements } = pending
  let done = pending.record?.done ?? 0
  let underway = pending.record?.underway ?? null
  const outside = new Set<number>()
  const write = (client: Client, change: Pick<MigrationRecord, 'state' | 'done' | 'underway'>) => {
    const { id, name, checksum } = migration
    const record = { id, name, checksum, doneChecksum: doneChecksum(statements, change.done), ...change }
    return writeRecord(client, record, run.clock.now())
  }

  // One session for the whole file, as psql would: what it sets holds to its end.
  const client = await openSession(url, statements, done)
  try {
    for (;;) {
      const [step, ...further] = stepsOf(statements, done, outside)
      run.signal?.throwIfAborted()
      await run.held()
      const last = step === undefined || further.length === 0
      const after = last ? statements.length : step.doneAfter
      const finished = { state: last ? 'applied' : 'started', done: after, underway: null } as const
      if (step?.manner === 'outside') {
        const statement = step.statement
        const settled = underway === statement.index ? await settle(client, statement) : 'again'
        if (settled === 'again') {
          await withClient(url, (fresh) => write(fresh, { state: 'started', done, underway: statement.index }))
          run.onlooker?.begins(migration, statement)
          await runOutside(client, url, pending, statement)
          run.onlooker?.released()
        }
        await withClient(url, (fresh) => write(fresh, finished))
      } else {
        const record = () => write(client, finished)
        const refused = await runTogether(client, pending, step?.statements ?? [], done, record, run.onlooker)
        run.onlooker?.released()
        if (refused !== undefined) {
          outside.add(refused)
          continue
        }
      }
      if (last) return
      done = after
      underway = null
    }
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** A new session with what the statements that are done have set for it. */
async function openSession(url: string, statements: readonly Statement[], done: number): Promise<Client> {
  const client = await connect(url)
  for (const { node, text } of statements.slice(0, done)) {
    if (node !== undefined && 'VariableSetStmt' in node && node.VariableSetStmt.is_local !== true)
      await client.query(text)
  }
  return client
}

/**
 * Runs statements and their record in one transaction.
 * @returns the index of a statement that Postgres refuses to run in one; nothing is changed then
 */
async function runTogether(
  client: Client,
  { migration, statements: all }: Pending,
  statements: readonly Statement[],
  done: number,
  record: () => Promise<void>,
  onlooker: Onlooker | undefined,
): Promise<number | undefined> {
  await client.query('BEGIN')
  const failed = async (statement: Statement, error: unknown) => {
    await client.query('ROLLBACK').catch(() => undefined)
    const aftermath =
      done === 0
        ? 'Nothing of this file was kept: mend it and run `aval migrate up` again.'
        : `Its first ${done} statements are kept: mend what follows and run \`aval migrate up\` again to go on.`
    return statementFailure(migration, statement, all.length, aftermath, error)
  }
  for (const statement of statements) {
    try {
      onlooker?.begins(migration, statement)
      await runStatement(client, statement)
      await onlooker?.ended()
    } catch (error) {
      const failing = await failed(statement, error)
      if (error instanceof DatabaseError && refusesTransaction.has(error.code ?? '')) return statement.index
      throw failing
    }
  }
  try {
    // Deferred constraints speak up here, while the last statement can still be named.
    await client.query('SET CONSTRAINTS ALL IMMEDIATE')
  } catch (error) {
    const last = statements.at(-1)
    throw last === undefined ? error : await failed(last, error)
  }
  // The migration may have taken a role that could not write the record. What it set holds again after the commit.
  await client.query('SET LOCAL ROLE NONE')
  await record()
  await client.query('COMMIT')
  return undefined
}

async function runStatement(client: Client, { text, rows }: Statement): Promise<void> {
  if (rows === undefined) await client.query(text)
  else await pipeline(Readable.from([rows]), client.query(copyFrom(text)))
}

/** "... cannot run inside a transaction block", and "invalid transaction termination" of a procedure that commits. */
const refusesTransaction = new Set(['25001', '2D000'])

async function runOutside(client: Client, url: string, pending: Pending, statement: Statement): Promise<void> {
  const { migration, statements } = pending
  try {
    await client.query(statement.text)
  } catch (error) {
    const dropped = await cleanUp(url, statements, statement).catch(() => [])
    const index = dropped.length === 0 ? '' : `The unfinished index ${dropped.join(', ')} was dropped. `
    const kept = `The ${statement.index} statements before it are kept`
    const aftermath = `${index}${kept}: mend it and run \`aval migrate up\` again to go on.`
    throw statementFailure(migration, statement, statements.length, aftermath, error)
  }
}

/** In a session of its own: the first one may be what broke. */
async function cleanUp(url: string, statements: readonly Statement[], statement: Statement): Promise<string[]> {
  const client = await openSession(url, statements, statement.index)
  try {
    // Dropping it may have to wait for somebody who reads the table; the person waiting for the error comes first.
    await client.query("SET lock_timeout = '5s'")
    return await dropInvalidIndex(client, statement)
  } finally {
    await client.end()
  }
}
