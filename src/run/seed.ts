import { readFile } from 'node:fs/promises'
import { failure, messageOf } from '../errors.ts'
import { withClient } from '../postgres/connection.ts'
import type { PreparedDatabase } from '../postgres/database.ts'

const mark = 'seeded by aval'

/**
 * Runs the seed file as the owner of the schema, once in the life of a database. That it ran is written on the database
 * itself in the same transaction, so that a crash in between leaves neither or both.
 * @returns whether it ran now.
 * @throws SEED_FAILED with what Postgres said.
 */
export async function seedOnce(database: PreparedDatabase, file: string): Promise<boolean> {
  const sql = await readFile(file, 'utf8')
  return withClient(database.ownerUrl, async (client) => {
    await client.query('BEGIN')
    const found = await client.query(
      `SELECT shobj_description(oid, 'pg_database') AS said FROM pg_database WHERE datname = current_database()`,
    )
    if (found.rows[0]?.said === mark) return false
    try {
      await client.query(sql)
    } catch (cause) {
      throw failure('SEED_FAILED', { file, reason: messageOf(cause) }, { cause })
    }
    await client.query(`COMMENT ON DATABASE ${client.escapeIdentifier(database.name)} IS '${mark}'`)
    await client.query('COMMIT')
    return true
  })
}
