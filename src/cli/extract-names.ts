import { failure } from '../errors.ts'
import { nearest } from '../plan/nearest.ts'
import { withClient } from '../postgres/connection.ts'
import { systemMigrations } from '../postgres/migrations/read.ts'
import type { Project, System } from '../project/project.ts'
import type { Selection } from '../recovery/extract/extract-rows.ts'
import { readTables } from '../recovery/extract/table-catalog.ts'
import { readRunState } from '../run/run-state.ts'

/** Tables by name, without the schema `public`; of those that a server has, their columns. */
type KnownTables = Map<string, ReadonlySet<string> | undefined>

/**
 * Refuses a name that neither the server that runs nor any migration knows, before a restore is spent on it. What is known to nobody, such as
 * a table that was made by hand and dropped, is asked for with its schema and looked for in the backup alone.
 * @throws EXTRACT_NAME_UNKNOWN, EXTRACT_SUBJECT_UNKNOWN
 */
export async function requireKnownNames(project: Project, system: System, selection: Selection): Promise<void> {
  const [asked, column] =
    selection.kind === 'table' ? [selection.table, undefined] : [selection.subject.table, selection.subject.column]
  if (selection.kind === 'table' && asked.includes('.')) return
  const table = asked.replace(/^public\./, '')
  const known = await knownTables(project, system)
  // Where nothing can be asked, the backup decides.
  if (known.size === 0) return
  const unknown = (name: string, candidates: Iterable<string>) => {
    const close = nearest(name, candidates)
    const hint = close === undefined ? '' : ` Did you mean ${close}?`
    return selection.kind === 'table'
      ? failure('EXTRACT_NAME_UNKNOWN', { name, hint })
      : failure('EXTRACT_SUBJECT_UNKNOWN', { name, hint })
  }
  if (!known.has(table)) throw unknown(table, known.keys())
  const columns = known.get(table)
  if (column !== undefined && columns && !columns.has(column))
    throw unknown(`${table}.${column}`, dotted(table, columns))
}

function dotted(table: string, columns: ReadonlySet<string>): string[] {
  return [...columns].map((column) => `${table}.${column}`)
}

async function knownTables(project: Project, system: System): Promise<KnownTables> {
  const known: KnownTables = new Map()
  const { database } = system.plan
  if (database) {
    // Files that are not in order are for `aval migrate` to tell of.
    const files = await systemMigrations(system.directory, database.migrations).catch(() => [])
    for (const { sql } of files) for (const name of tablesNamed(sql)) known.set(name, undefined)
  }
  const running = readRunState(project, system.name)
  if (!running) return known
  // A server that is down is why somebody extracts; its names are then those of the migrations.
  const catalog = await withClient(running.ownerUrl, readTables).catch(() => undefined)
  for (const { schema, name, columns } of catalog?.tables.values() ?? []) {
    known.set(schema === 'public' ? name : `${schema}.${name}`, new Set(columns.map((column) => column.name)))
  }
  return known
}

/** Every name that SQL calls a table: rather too many than one too few, since a table may be dropped by now. */
function tablesNamed(sql: string): string[] {
  const named = sql.matchAll(
    /\btable\s+(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?(?:"?(\w+)"?\s*\.\s*)?"?(\w+)"?|\brename\s+to\s+"?(\w+)"?/gi,
  )
  return [...named].map(([, schema, table, renamed]) => {
    const name = table ?? renamed ?? ''
    return schema === undefined || schema.toLowerCase() === 'public' ? name : `${schema}.${name}`
  })
}
