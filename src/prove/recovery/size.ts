import { withClient } from '../../postgres/connection.ts'

/** Bytes of every database of a server, as Postgres counts them. */
export async function databaseBytes(adminUrl: string): Promise<number> {
  return withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ bytes: string }>(
      'SELECT sum(pg_database_size(oid)) AS bytes FROM pg_database',
    )
    return Number(rows[0]?.bytes ?? 0)
  })
}

/**
 * Grows a scratch database to about `bytes` with rows that do not compress, in a schema of their own, so that a restore moves
 * what a real one would. Nothing happens when it is that large already.
 */
export async function growDatabase(adminUrl: string, bytes: number): Promise<void> {
  const missing = bytes - (await databaseBytes(adminUrl))
  if (missing <= 0) return
  const rowBytes = 8_192
  await withClient(adminUrl, async (client) => {
    await client.query('CREATE EXTENSION IF NOT EXISTS pgcrypto')
    await client.query('CREATE SCHEMA IF NOT EXISTS aval_ballast')
    await client.query(
      'CREATE TABLE IF NOT EXISTS aval_ballast.page (id bigint GENERATED ALWAYS AS IDENTITY, filler bytea STORAGE EXTERNAL NOT NULL)',
    )
    await client.query(
      `INSERT INTO aval_ballast.page (filler)
       SELECT (SELECT string_agg(gen_random_bytes(1024), ''::bytea) FROM generate_series(1, 8) WHERE page IS NOT NULL)
       FROM generate_series(1, $1::int) AS page`,
      [Math.ceil(missing / rowBytes)],
    )
  })
}
