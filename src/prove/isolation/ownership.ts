import type { Catalog, Table } from './catalog.ts'

/** How a row says whose it is. */
export interface Ownership {
  /** Columns that hold the tenant; none where a row belongs to whoever owns the row it refers to. */
  columns: readonly string[]
}

/**
 * Which tables hold rows of tenants: those with the plan's column, those it refers to, and whatever refers to one of these.
 * A table that is missing here is nobody's: a list that all share.
 */
export function ownershipOf({ tables }: Catalog, tenant: string): ReadonlyMap<number, Ownership> {
  const owned = new Map<number, Set<string>>()
  const note = (table: number, columns: readonly string[]): boolean => {
    const known = owned.get(table)
    if (known && columns.every((column) => known.has(column))) return false
    owned.set(table, new Set([...(known ?? []), ...columns]))
    return true
  }
  for (const table of tables) {
    if (!table.columns.some(({ name }) => name === tenant)) continue
    note(table.oid, [tenant])
    // The table of the tenants themselves, where it calls its key otherwise.
    for (const { columns, parent, parentColumns } of table.foreignKeys) {
      const key = columns.length === 1 && columns[0] === tenant ? parentColumns[0] : undefined
      if (key !== undefined) note(parent, [key])
    }
  }
  for (let grown = true; grown; ) {
    grown = false
    for (const table of tables) {
      if (owned.has(table.oid)) continue
      for (const key of table.foreignKeys) {
        const above = owned.get(key.parent)
        if (above === undefined) continue
        const columns = key.columns.filter((_, place) => above.has(key.parentColumns[place] ?? ''))
        grown = note(table.oid, columns) || grown
      }
    }
  }
  return new Map([...owned].map(([oid, columns]) => [oid, { columns: [...columns] }]))
}

/** The columns that tell a row apart: the primary key, else any unique index; undefined when nothing does. */
export function keyOf(table: Table): readonly string[] | undefined {
  return table.uniques.find(({ plain, columns }) => plain && columns.length > 0)?.columns
}
