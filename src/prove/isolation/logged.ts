import type { Client } from 'pg'
import type { Catalog } from './catalog.ts'

/**
 * Has every table write to the write-ahead log: by what is written there the attack tells whether a statement did anything. One follows those
 * it refers to, since no table that is logged may refer to one that is not.
 */
export async function logTables(client: Client, { tables }: Catalog): Promise<void> {
  let rest = tables.filter(({ unlogged, partitioned }) => unlogged && !partitioned)
  while (rest.length > 0) {
    const waiting = new Set(rest.map(({ oid }) => oid))
    const ready = rest.filter(({ oid, foreignKeys }) =>
      foreignKeys.every(({ parent }) => parent === oid || !waiting.has(parent)),
    )
    // Those in a ring stay as they are.
    if (ready.length === 0) return
    for (const { sql } of ready) await client.query(`ALTER TABLE ${sql} SET LOGGED`)
    rest = rest.filter((table) => !ready.includes(table))
  }
}
