import { isQuery, parsePromql } from '../../check/promql/parse.ts'

/** What an alert compares: `left op bound`. */
export interface Comparison {
  /** PromQL of the figure. */
  left: string
  op: string
  bound: number
}

const operators = ['Gtr', 'Gte', 'Lss', 'Lte', 'Eql', 'Neq']

/** The comparison an expression consists of, undefined where it is built otherwise (`absent(...)`, several joined by `and`). */
export function comparisonOf(when: string): Comparison | undefined {
  const query = parsePromql(when)
  if (!isQuery(query)) return undefined
  let node = query.root.firstChild
  while (node?.name === 'ParenExpr') node = node.firstChild?.nextSibling ?? null
  const op = operators.map((name) => node?.getChild(name)).find((found) => found)
  const left = node?.firstChild
  const right = node?.lastChild
  if (!node || !op || !left || !right || node.name !== 'BinaryExpr') return undefined
  const written = query.text.slice(right.from, right.to)
  const bound = Number(written)
  if (written.trim() === '' || Number.isNaN(bound)) return undefined
  return { left: query.text.slice(left.from, left.to), op: query.text.slice(op.from, op.to), bound }
}
