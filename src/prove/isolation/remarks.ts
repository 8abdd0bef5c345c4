import type { Catalog, Routine, Table } from './catalog.ts'

/** Something of a schema that a reader should know before trusting what was found of it: an object, and what is out of the ordinary. */
export interface Remark {
  on: string
  what: string
}

/** What a schema holds that the attack goes around, and how. None of it ends the attack. */
export function remarksOn(catalog: Catalog, ownership: ReadonlyMap<number, unknown>): Remark[] {
  const remarks: Remark[] = []
  const remark = (on: string, what: string) => remarks.push({ on, what })
  for (const table of catalog.tables) {
    const { name, uniques, columns, partitioned, bounds } = table
    if (uniques.length === 0 && table.partitionOf === null)
      remark(name, 'has no primary key: its rows are told apart by all their columns')
    if (partitioned && bounds.length === 0)
      remark(name, 'is partitioned and has no partition: the rows of the attack lie in one made for it')
    for (const column of columns) {
      if (column.computed) remark(`${name}.${column.name}`, 'is given by the server alone: nobody writes it')
      if (column.labels.length === 1)
        remark(`${name}.${column.name}`, 'has a type of one value, so that the rows of both tenants hold the same')
    }
  }
  for (const cycle of cyclesOf(catalog.tables))
    remark(cycle.join(', '), 'refer to each other in a ring: one reference of the made rows leads nowhere')
  for (const { name, invoker, materialized, owner, of } of catalog.views) {
    if (invoker || !of.some((oid) => ownership.has(oid))) continue
    remark(name, materialized ? `keeps what ${owner} saw` : `runs as its owner, ${owner}`)
  }
  for (const routine of catalog.routines) {
    const { signature, parameters } = routine
    if (callsOut(routine)) remark(signature, 'calls out of the database: what it does there is not looked at')
    if (parameters.some(({ type }) => type.startsWith('any')))
      remark(signature, 'takes arguments of any type: it is not called')
  }
  return remarks
}

const outside =
  /\b(dblink\w*|postgres_fdw\w*|http_(get|post|put|delete|head)|net\.http_\w+|pg_read_(binary_)?file|pg_ls_dir|lo_(im|ex)port)\b|\bcopy\b[^;]*\b(program|from\s+'\/|to\s+'\/)/i

function callsOut({ source, language }: Routine): boolean {
  return /u$/.test(language) || language === 'c' || outside.test(source)
}

/** Tables that refer to each other in a ring, each ring once. */
function cyclesOf(tables: readonly Table[]): string[][] {
  const parents = new Map(tables.map(({ oid, foreignKeys }) => [oid, foreignKeys.map(({ parent }) => parent)]))
  const above = (from: number): Set<number> => {
    const seen = new Set<number>()
    const rest = [from]
    for (let oid = rest.pop(); oid !== undefined; oid = rest.pop())
      for (const parent of parents.get(oid) ?? [])
        if (parent !== oid && !seen.has(parent)) {
          seen.add(parent)
          rest.push(parent)
        }
    return seen
  }
  const reached = new Map(tables.map(({ oid }) => [oid, above(oid)]))
  const rings = new Map<string, string[]>()
  for (const { oid } of tables) {
    const ring = tables.filter((other) => reached.get(oid)?.has(other.oid) && reached.get(other.oid)?.has(oid))
    const names = ring.map(({ name }) => name).toSorted()
    if (names.length > 0) rings.set(names.join(' '), names)
  }
  return [...rings.values()]
}
