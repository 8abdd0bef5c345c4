import type { SyntaxNode } from '@lezer/common'
import { descendants, type Query } from '../../check/promql/parse.ts'
import type { Expr } from './ast.ts'
import { aggregations, signatures } from './functions.ts'
import { readInfix } from './infix.ts'
import { numberOf, textOf } from './literals.ts'
import { readSelector } from './read-selector.ts'
import { Refusal } from './refusal.ts'

/* From the syntax tree to expressions. Types are checked afterwards, when every modifier has found its place. */

/** @throws Refusal for what Prometheus 2.42 does not know. */
export function readQuery({ text, root }: Query): Expr {
  const node = expressionsIn(root)[0]
  if (!node) throw new Refusal('The expression is empty.', 0)
  return read(text, node)
}

function read(text: string, node: SyntaxNode): Expr {
  return readInfix(text, node, (operand) => readOperand(text, operand))
}

function readOperand(text: string, node: SyntaxNode): Expr {
  const { from } = node
  const written = text.slice(from, node.to)
  switch (node.name) {
    case 'NumberDurationLiteral':
      // Its sign was read as an operator.
      return { kind: 'number', from, value: numberOf(written.replace(/^[+-]\s*/, ''), from) }
    case 'StringLiteral':
      return { kind: 'string', from, value: textOf(written, from) }
    case 'VectorSelector':
      return readSelector(text, node)
    case 'ParenExpr': {
      const inner = expressionsIn(node)[0]
      if (!inner) throw new Refusal('The parentheses are empty.', from)
      return { kind: 'paren', from, inner: read(text, inner) }
    }
    case 'FunctionCall':
      return readCall(text, node)
    case 'AggregateExpr':
      return readAggregate(text, node)
    default:
      throw new Refusal(`"${written.slice(0, 30)}" is not supported: Prometheus 2.42 does not know it.`, from)
  }
}

function readCall(text: string, node: SyntaxNode): Expr {
  const identifier = node.getChild('FunctionIdentifier')
  const name = identifier ? text.slice(identifier.from, identifier.to) : ''
  if (!signatures.has(name)) throw new Refusal(`The function "${name}" is not supported.`, node.from)
  const body = node.getChild('FunctionCallBody')
  const args = body ? expressionsIn(body).map((argument) => read(text, argument)) : []
  return { kind: 'call', from: node.from, name, args }
}

function readAggregate(text: string, node: SyntaxNode): Expr {
  const operator = node.getChild('AggregateOp')
  const op = operator ? text.slice(operator.from, operator.to).toLowerCase() : ''
  if (!aggregations.has(op)) throw new Refusal(`The aggregation "${op}" is not supported.`, node.from)
  const body = node.getChild('FunctionCallBody')
  const args = body ? expressionsIn(body).map((argument) => read(text, argument)) : []
  const wanted = aggregations.get(op) === undefined ? 1 : 2
  const inner = args.at(-1)
  if (args.length !== wanted || !inner) {
    throw new Refusal(`"${op}" takes ${wanted} argument${wanted === 1 ? '' : 's'}, not ${args.length}.`, node.from)
  }
  const modifier = node.getChild('AggregateModifier')
  const labels = modifier ? labelsIn(text, modifier) : []
  const param = wanted === 2 ? args[0] : undefined
  return {
    kind: 'aggregate',
    from: node.from,
    op,
    inner,
    param,
    without: Boolean(modifier?.getChild('Without')),
    labels,
  }
}

/** The names of labels listed below a node. */
export function labelsIn(text: string, node: SyntaxNode): string[] {
  const quoted = descendants(node, 'QuotedLabelName')[0]
  if (quoted) throw new Refusal('A label name in quotes is not supported.', quoted.from)
  return descendants(node, 'LabelName').map((label) => text.slice(label.from, label.to))
}

const notExpressions = new Set(['LineComment'])

function expressionsIn(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let at = node.firstChild; at; at = at.nextSibling) if (!notExpressions.has(at.name)) found.push(at)
  return found
}
