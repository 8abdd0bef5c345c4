import { z } from 'zod'
import { withClient } from '../../postgres/connection.ts'
import type { Server } from '../../postgres/server.ts'
import type { DamagedPage } from './find-page-damage.ts'

/** What mends a relation. */
export type Remedy =
  /** An index is made anew from its table. */
  | 'reindex'
  /** The content of the table, with all that hangs on it, comes from the backup. */
  | 'reload'
  /** A catalog, a sequence, or what nobody can name: the whole cluster comes from the backup. */
  | 'restore'
  /** The file belongs to nothing any more. */
  | 'nothing'

export interface DamagedRelation {
  database: string
  /** Schema and name, quoted; undefined when no relation has the file. */
  relation: string | undefined
  /** The table whose rows it holds or finds. */
  table: string | undefined
  remedy: Remedy
  /** Main fork only, sorted; pages of the maps beside it are counted alone. */
  blocks: number[]
  otherPages: number
}

const row = z.object({ relation: z.string(), table: z.string().nullable(), kind: z.string(), system: z.boolean() })

/**
 * Names the relations that damaged pages belong to, from the catalogs of a running server.
 * @throws POSTGRES_UNREACHABLE when a database cannot be entered, as when its own catalogs are damaged
 */
export async function nameDamage(server: Server, pages: readonly DamagedPage[]): Promise<DamagedRelation[]> {
  const names = await withClient(server.url(), async (client) => {
    const { rows } = await client.query<{ oid: number; name: string }>(
      'SELECT oid::int8::float8 AS oid, datname AS name FROM pg_catalog.pg_database',
    )
    return new Map(rows.map(({ oid, name }) => [oid, name]))
  })
  const relations: DamagedRelation[] = []
  for (const database of new Set(pages.map((page) => page.database))) {
    const name = database === 0 ? 'postgres' : names.get(database)
    const mine = pages.filter((page) => page.database === database)
    if (name === undefined) {
      const blocks = mine.map(({ block }) => block)
      relations.push({ database: '', relation: undefined, table: undefined, remedy: 'nothing', blocks, otherPages: 0 })
      continue
    }
    await withClient(server.url({ database: name }), async (client) => {
      for (const fileNode of new Set(mine.map((page) => page.fileNode))) {
        const { rows } = await client.query(relationSql, [database === 0 ? 1664 : 0, fileNode])
        const found = rows[0] === undefined ? undefined : row.parse(rows[0])
        const here = mine.filter((page) => page.fileNode === fileNode)
        const blocks = here.filter(({ fork }) => fork === 'main').map(({ block }) => block)
        relations.push({
          database: name,
          relation: found?.relation,
          table: found?.table ?? undefined,
          remedy: remedyOf(found),
          blocks: blocks.sort((a, b) => a - b),
          otherPages: here.length - blocks.length,
        })
      }
    })
  }
  return relations
}

function remedyOf(found: z.infer<typeof row> | undefined): Remedy {
  if (found === undefined) return 'nothing'
  if (found.kind === 'i') return found.system ? 'restore' : 'reindex'
  return !found.system && (found.kind === 'r' || found.kind === 't') ? 'reload' : 'restore'
}

/** A relation by its file, with the table it belongs to: an index has one, and so has what holds values too long for a page. */
const relationSql = `
SELECT format('%I.%I', n.nspname, c.relname) AS relation, c.relkind AS kind, c.oid < 16384 AS system,
  (SELECT format('%I.%I', tn.nspname, t.relname)
   FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
   LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid
   WHERE t.oid = CASE WHEN c.relkind = 'r' THEN c.oid
     WHEN c.relkind = 't' THEN (SELECT o.oid FROM pg_catalog.pg_class o WHERE o.reltoastrelid = c.oid)
     WHEN c.relkind = 'i' THEN coalesce((SELECT o.oid FROM pg_catalog.pg_class o WHERE o.reltoastrelid = x.indrelid), x.indrelid)
     END) AS table
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = pg_catalog.pg_filenode_relation($1, $2)`
