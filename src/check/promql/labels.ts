import type { SyntaxNode } from '@lezer/common'
import type { Plan } from '../../plan/plan.ts'
import { descendants, type Query, selectorOf } from './parse.ts'
import { scrapeLabels, seriesOf } from './series.ts'

/*
 * Which labels the result of an expression carries, as far as the plan tells. Prometheus pairs the series of a binary
 * operation by equal label sets, so that two sides with different label names never meet.
 */

/** Label names of a result; `scalar` pairs with anything, `unknown` is not judged. */
type Labels = ReadonlySet<string> | 'scalar' | 'unknown'

/** Two sides of an operation that cannot meet. */
export interface Mismatch {
  expression: string
  left: readonly string[]
  right: readonly string[]
}

/** Every operation of the query between vectors whose label names differ and that says neither `on` nor `ignoring`. */
export function mismatches(plan: Plan, query: Query): Mismatch[] {
  return descendants(query.root, 'BinaryExpr').flatMap((node) => {
    const [left, right] = expressions(node)
    if (!left || !right || node.getChild('MatchingModifierClause') || node.getChild('Or')) return []
    const a = labelsOf(plan, query.text, left)
    const b = labelsOf(plan, query.text, right)
    if (typeof a === 'string' || typeof b === 'string' || sameSet(a, b)) return []
    return [{ expression: query.text.slice(node.from, node.to), left: [...a].sort(), right: [...b].sort() }]
  })
}

function labelsOf(plan: Plan, text: string, node: SyntaxNode): Labels {
  switch (node.name) {
    case 'NumberDurationLiteral':
    case 'StringLiteral':
      return 'scalar'
    case 'VectorSelector': {
      const { metric } = selectorOf(text, node)
      const series = metric === undefined ? undefined : seriesOf(plan, metric)
      return series && 'labels' in series ? new Set([...series.labels, ...scrapeLabels]) : 'unknown'
    }
    case 'AggregateExpr':
      return aggregated(plan, text, node)
    case 'FunctionCall':
      return called(plan, text, node)
    case 'BinaryExpr': {
      const [left, right] = expressions(node)
      if (!left || !right || node.getChild('MatchingModifierClause') || node.getChild('Or')) return 'unknown'
      const a = labelsOf(plan, text, left)
      return a === 'scalar' ? labelsOf(plan, text, right) : a
    }
    default: {
      // Parentheses, ranges, offsets, signs: the labels are those of what is inside.
      const inner = expressions(node)[0]
      return inner ? labelsOf(plan, text, inner) : 'unknown'
    }
  }
}

/** Aggregations that return some of their series unchanged. */
const choosing = ['Topk', 'Bottomk', 'LimitK', 'LimitRatio']

function aggregated(plan: Plan, text: string, node: SyntaxNode): Labels {
  const op = node.getChild('AggregateOp')
  const body = node.getChild('FunctionCallBody')
  const inner = body && expressions(body).at(-1)
  const labels = inner ? labelsOf(plan, text, inner) : 'unknown'
  if (choosing.some((name) => op?.getChild(name))) return labels
  if (op?.getChild('CountValues')) return 'unknown'
  const modifier = node.getChild('AggregateModifier')
  const named = modifier ? descendants(modifier, 'LabelName').map((label) => text.slice(label.from, label.to)) : []
  if (!modifier?.getChild('Without')) return new Set(named)
  return typeof labels === 'string' ? labels : new Set([...labels].filter((label) => !named.includes(label)))
}

function called(plan: Plan, text: string, node: SyntaxNode): Labels {
  const name = node.getChild('FunctionIdentifier')?.firstChild?.name
  const body = node.getChild('FunctionCallBody')
  const inner = body ? expressions(body).map((argument) => labelsOf(plan, text, argument)) : []
  switch (name) {
    case 'Scalar':
    case 'Time':
    case 'Pi':
      return 'scalar'
    case 'Vector':
      return new Set()
    case 'Absent':
    case 'AbsentOverTime':
    case 'LabelReplace':
    case 'LabelJoin':
    case 'Info':
      return 'unknown'
    default: {
      const vector = inner.find((labels) => labels !== 'scalar') ?? 'unknown'
      const overBuckets = name === 'HistogramQuantile' || name === 'HistogramFraction'
      return overBuckets && typeof vector !== 'string' ? new Set([...vector].filter((label) => label !== 'le')) : vector
    }
  }
}

const expressionKinds = new Set([
  'AggregateExpr',
  'BinaryExpr',
  'FunctionCall',
  'MatrixSelector',
  'NumberDurationLiteral',
  'OffsetExpr',
  'ParenExpr',
  'StringLiteral',
  'SubqueryExpr',
  'UnaryExpr',
  'VectorSelector',
  'StepInvariantExpr',
])

function expressions(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let at = node.firstChild; at; at = at.nextSibling) if (expressionKinds.has(at.name)) found.push(at)
  return found
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((member) => b.has(member))
}
