import type { Client } from 'pg'
import { failure } from '../../errors.ts'
import type { ErasureRecord } from './journal.ts'
import { runErasure } from './run-erasure.ts'

/**
 * Erases again, inside the transaction of the caller. A database of an earlier moment may have another schema than the plan of today
 * speaks of: the statements of the plan are tried first, then those the erasure was carried out with.
 * @param current the statements of the plan; undefined when it no longer names the erasure.
 * @throws RESTORE_ERASURE_FAILED, when neither fits.
 */
export async function repeatErasure(
  client: Client,
  { name, subject, sql }: ErasureRecord,
  current: readonly string[] | undefined,
): Promise<void> {
  const forms = [...(current === undefined ? [] : [current]), sql]
  let code = 'unknown'
  for (const form of forms) {
    await client.query('SAVEPOINT erasure')
    try {
      await runErasure(client, form, subject)
      await client.query('RELEASE SAVEPOINT erasure')
      return
    } catch (error) {
      code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown'
      await client.query('ROLLBACK TO SAVEPOINT erasure')
    }
  }
  throw failure('RESTORE_ERASURE_FAILED', { name, code })
}
