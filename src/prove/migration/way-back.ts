import { access, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Client } from 'pg'
import { withClient } from '../../postgres/connection.ts'
import type { Migration } from '../../postgres/migrations/migration.ts'

/** The file that takes a migration back, where there is one: beside it, in `down/`, or Prisma's `down.sql`. */
export async function wayBackOf({ file }: Migration): Promise<string | undefined> {
  const folder = dirname(file)
  const name = `${basename(file, '.sql')}.down.sql`
  const places = [join(folder, name), join(folder, 'down', name)]
  if (basename(file) === 'migration.sql') places.push(join(folder, 'down.sql'))
  for (const place of places) {
    const there = await access(place).then(
      () => true,
      () => false,
    )
    if (there) return place
  }
  return undefined
}

/**
 * Takes a migration back in one transaction, as the owner, and forgets that it was applied.
 * @throws errors of the server
 */
export async function goBack(ownerUrl: string, { id }: Migration, file: string): Promise<void> {
  const sql = await readFile(file, 'utf8')
  await withClient(ownerUrl, async (client) => {
    await client.query('BEGIN')
    await client.query(sql)
    await client.query('DELETE FROM aval.migrations WHERE id = $1', [id])
    await client.query('COMMIT')
  })
}

/** What the schema of the application is made of, a line for each part, so that two moments can be compared. */
export async function schemaParts(client: Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ part: string }>(`
    WITH own AS (
      SELECT c.oid, c.relname, c.relkind, c.relrowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'aval')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))
    SELECT format('%s %s, row security %s', relkind, relname, relrowsecurity) AS part FROM own WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION SELECT format('column %s.%s %s%s default %s', o.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, pg_get_expr(d.adbin, d.adrelid))
      FROM own o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum WHERE o.relkind IN ('r', 'p')
    UNION SELECT format('constraint %s of %s: %s', k.conname, o.relname, pg_get_constraintdef(k.oid))
      FROM own o JOIN pg_constraint k ON k.conrelid = o.oid
    UNION SELECT format('index %s', pg_get_indexdef(i.indexrelid)) FROM own o JOIN pg_index i ON i.indrelid = o.oid
    UNION SELECT format('policy %s on %s', p.polname, o.relname) FROM own o JOIN pg_policy p ON p.polrelid = o.oid
    UNION SELECT format('trigger %s', pg_get_triggerdef(t.oid)) FROM own o JOIN pg_trigger t ON t.tgrelid = o.oid WHERE NOT t.tgisinternal
    UNION SELECT format('function %s %s', p.oid::regprocedure, md5(p.prosrc)) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'aval')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`)
  return new Set(rows.map(({ part }) => part))
}

/** What one has and the other has not, in either direction. */
export function differences(before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  return [
    ...[...before].filter((part) => !after.has(part)).map((part) => `not back: ${part}`),
    ...[...after].filter((part) => !before.has(part)).map((part) => `left behind: ${part}`),
  ]
}
