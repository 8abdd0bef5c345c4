import type { CleanUp } from '../../plan/actions.ts'
import { withClient } from '../../postgres/connection.ts'

/**
 * Removes rows by a statement of the plan, in a transaction that gives up in time.
 * @param url of the owner of the schema.
 * @returns how many rows went.
 */
export function removeOldRows(url: string, { sql }: CleanUp['rows'][string], timeoutMs: number): Promise<number> {
  return withClient(url, async (client) => {
    await client.query('BEGIN')
    await client.query("SELECT set_config('statement_timeout', $1, true)", [String(timeoutMs)])
    const { rowCount } = await client.query(sql)
    await client.query('COMMIT')
    return rowCount ?? 0
  })
}
