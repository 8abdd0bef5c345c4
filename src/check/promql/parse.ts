import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

/** A label matcher of a selector: `status=~"5.."`. */
export interface Matcher {
  label: string
  op: '=' | '!=' | '=~' | '!~'
  value: string
}

/** A choice of series: `http_requests_total{status="5xx"}`. */
export interface Selector {
  /** Undefined when the name is given by a pattern or not at all. */
  metric: string | undefined
  matchers: readonly Matcher[]
}

export interface Query {
  text: string
  root: SyntaxNode
}

/** What is wrong with a text, and the character, counted from 1, from which on it cannot be read. */
export interface Unreadable {
  problem: string
  at: number
}

/** Reads PromQL by Prometheus's own grammar. The answer is a query, or what is wrong with the text. */
export function parsePromql(text: string): Query | Unreadable {
  const root = parser.parse(text).topNode
  let unreadable: Unreadable | undefined
  root.cursor().iterate((node) => {
    if (!node.type.isError || unreadable) return
    const rest = text.slice(node.from).trim()
    const problem =
      rest === ''
        ? 'The expression ends before it is complete.'
        : `The expression cannot be read from "${rest.slice(0, 30)}" on (character ${node.from + 1}).`
    unreadable = { problem, at: node.from + 1 }
  })
  return unreadable ?? { text, root }
}

export function isQuery(parsed: Query | Unreadable): parsed is Query {
  return 'root' in parsed
}

/** Every selector of a query, in its order. */
export function selectorsOf({ text, root }: Query): Selector[] {
  return descendants(root, 'VectorSelector').map((node) => selectorOf(text, node))
}

export function selectorOf(text: string, node: SyntaxNode): Selector {
  const written = node.getChild('Identifier')
  const matchers = [
    ...descendants(node, 'UnquotedLabelMatcher').map((matcher) =>
      matcherOf(text, matcher, matcher.getChild('LabelName')),
    ),
    ...descendants(node, 'QuotedLabelMatcher').map((matcher) =>
      matcherOf(text, matcher, matcher.getChild('QuotedLabelName')),
    ),
  ]
  const byMatcher = matchers.find(({ label, op }) => label === '__name__' && op === '=')?.value
  return {
    metric: written ? text.slice(written.from, written.to) : byMatcher,
    matchers: matchers.filter(({ label }) => label !== '__name__'),
  }
}

/**
 * Whether an alert on the query can be silent: a comparison that filters, or `absent`. Without one it fires as long as
 * its series exist, whatever their values. `bool` turns a comparison into 0 or 1, both of which fire.
 */
export function isConditional({ root }: Query): boolean {
  const comparisons = descendants(root, 'BinaryExpr').filter(
    (node) => comparisonNames.some((name) => node.getChild(name)) && !node.getChild('BoolModifier'),
  )
  const absences = ['Absent', 'AbsentOverTime'].some((name) => descendants(root, name).length > 0)
  return comparisons.length > 0 || absences
}

const comparisonNames = ['Eql', 'Neq', 'Gtr', 'Gte', 'Lss', 'Lte']

/** All nodes of a kind below a node, itself included, in the order of the text. */
export function descendants(node: SyntaxNode, kind: string): SyntaxNode[] {
  const found: SyntaxNode[] = []
  node.cursor().iterate((at) => {
    if (at.name === kind) found.push(at.node)
  })
  return found
}

function matcherOf(text: string, node: SyntaxNode, label: SyntaxNode | null): Matcher {
  const op = node.getChild('MatchOp')
  const value = node.getChild('StringLiteral')
  const written = op ? text.slice(op.from, op.to) : '='
  return {
    label: label ? unquoted(text.slice(label.from, label.to)) : '',
    op: written === '!=' || written === '=~' || written === '!~' ? written : '=',
    value: value ? unquoted(text.slice(value.from, value.to)) : '',
  }
}

function unquoted(literal: string): string {
  if (!/^["'`]/.test(literal)) return literal
  const inside = literal.slice(1, -1)
  return literal.startsWith('`') ? inside : inside.replace(/\\(.)/g, '$1')
}
