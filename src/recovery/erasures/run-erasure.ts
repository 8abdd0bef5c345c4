import type { Client } from 'pg'

/** What one statement removed; rows that went with them by a foreign key are not among them (`countChanges` has all). */
export interface ErasedRows {
  statement: string
  rows: number
}

/**
 * Runs the statements of an erasure inside the transaction of the caller, the subject bound as $1 and never written into the text.
 */
export async function runErasure(client: Client, sql: readonly string[], subject: string): Promise<ErasedRows[]> {
  const erased: ErasedRows[] = []
  for (const statement of sql) {
    // Postgres refuses a parameter that the statement does not use.
    const result = await client.query(statement, statement.includes('$1') ? [subject] : [])
    erased.push({ statement, rows: changesRows(result.command) ? (result.rowCount ?? 0) : 0 })
  }
  return erased
}

function changesRows(command: string): boolean {
  return command === 'DELETE' || command === 'UPDATE' || command === 'INSERT' || command === 'MERGE'
}
