import { type Client, escapeIdentifier } from 'pg'
import type { Catalog } from './catalog.ts'

/** Gives every partitioned table that has no partition one, so that rows can lie in it. Only the parent is attacked: nobody has a grant on these. */
export async function openPartitions(client: Client, { tables }: Catalog): Promise<void> {
  for (const { oid, sql, schema, partitioned, bounds } of tables) {
    if (!partitioned || bounds.length > 0) continue
    const partition = `CREATE TABLE ${escapeIdentifier(schema)}.aval_partition_${oid} PARTITION OF ${sql}`
    // A hashed table has no place for whatever is left.
    await client.query(
      `DO $aval$ BEGIN ${partition} DEFAULT;
       EXCEPTION WHEN invalid_table_definition THEN ${partition} FOR VALUES WITH (MODULUS 1, REMAINDER 0); END $aval$`,
    )
  }
}
