import { type Client, escapeIdentifier } from 'pg'
import type { Statement } from './statement.ts'

/*
 * CREATE INDEX CONCURRENTLY that fails, or whose server dies, leaves an index that is kept up to date and never used, and is
 * in the way of the next attempt.
 */

interface IndexRow {
  name: string
  schema: string
  valid: boolean
}

/**
 * What an attempt whose end nobody recorded has made of a statement.
 * @returns 'done' when it need not run again
 */
export async function settle(client: Client, statement: Statement): Promise<'done' | 'again'> {
  const { node } = statement
  if (node !== undefined && 'IndexStmt' in node) {
    await dropInvalidIndex(client, statement)
    return (await findIndexes(client, statement)).some(({ valid }) => valid) ? 'done' : 'again'
  }
  if (node !== undefined && 'DropStmt' in node) {
    // DROP INDEX CONCURRENTLY takes one index; it is done when that is gone.
    const gone = await isGone(client, statement)
    return gone ? 'done' : 'again'
  }
  return 'again'
}

/** Drops what a failed attempt left. @returns the names of the indexes dropped */
export async function dropInvalidIndex(client: Client, statement: Statement): Promise<string[]> {
  const invalid = (await findIndexes(client, statement)).filter(({ valid }) => !valid)
  for (const { schema, name } of invalid) {
    await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${escapeIdentifier(schema)}.${escapeIdentifier(name)}`)
  }
  return invalid.map(({ name }) => name)
}

/**
 * The indexes of the statement's table that it may have made: the one of its name; where it leaves the name to Postgres,
 * those that are not valid, since of the valid ones nobody could tell.
 */
async function findIndexes(client: Client, { node }: Statement): Promise<IndexRow[]> {
  if (node === undefined || !('IndexStmt' in node)) return []
  const { relation, idxname, concurrent } = node.IndexStmt
  if (concurrent !== true || relation?.relname === undefined) return []
  const table = [relation.schemaname, relation.relname]
    .filter((part) => part !== undefined)
    .map(escapeIdentifier)
    .join('.')
  const { rows } = await client.query<IndexRow>(
    `SELECT c.relname AS name, n.nspname AS schema, i.indisvalid AS valid
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE i.indrelid = to_regclass($1) AND (c.relname = $2 OR ($2 IS NULL AND NOT i.indisvalid))`,
    [table, idxname ?? null],
  )
  return rows
}

async function isGone(client: Client, { node }: Statement): Promise<boolean> {
  const object = node !== undefined && 'DropStmt' in node ? node.DropStmt.objects?.[0] : undefined
  if (object === undefined || !('List' in object)) return false
  const parts = (object.List.items ?? []).flatMap((item) =>
    'String' in item && item.String.sval !== undefined ? [item.String.sval] : [],
  )
  const { rows } = await client.query<{ gone: boolean }>('SELECT to_regclass($1) IS NULL AS gone', [
    parts.map(escapeIdentifier).join('.'),
  ])
  return rows[0]?.gone === true
}
