import type { ForeignKey } from './table-catalog.ts'

export interface TableOrder {
  /** Oids: what is referred to comes before what refers, but for cycles. */
  tables: number[]
  /** Keys within a cycle, self references included: no order of tables satisfies them. */
  cyclic: ForeignKey[]
}

/** Orders tables by their foreign keys: Tarjan's strongly connected components, which come out parents first. */
export function orderTables(oids: readonly number[], foreignKeys: readonly ForeignKey[]): TableOrder {
  const within = foreignKeys.filter(({ child, parent }) => oids.includes(child.table) && oids.includes(parent.table))
  const index = new Map<number, number>()
  const component = new Map<number, number>()
  const stack: number[] = []
  const tables: number[] = []
  let components = 0
  const visit = (oid: number): number => {
    const mine = index.size
    let lowest = mine
    index.set(oid, mine)
    stack.push(oid)
    for (const { child, parent } of within) {
      if (child.table !== oid || component.has(parent.table)) continue
      const known = index.get(parent.table)
      lowest = Math.min(lowest, known ?? visit(parent.table))
    }
    if (lowest === mine) {
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        component.set(member, components)
        tables.push(member)
        if (member === oid) break
      }
      components++
    }
    return lowest
  }
  for (const oid of oids) if (!index.has(oid)) visit(oid)
  const cyclic = within.filter(({ child, parent }) => component.get(child.table) === component.get(parent.table))
  return { tables, cyclic }
}
