import type { SyntaxNode } from '@lezer/common'
import type { BinaryOp, Expr, Matching } from './ast.ts'
import { applyModifier } from './modifiers.ts'
import { Refusal } from './refusal.ts'

/*
 * Which operand an operator or a modifier belongs to. The grammar is made for editors and gets it wrong: for it, `offset` in `a / b offset 5m`
 * shifts the whole division, and `-1 ^ 2` squares -1. So the operators and operands of a stretch without parentheses are
 * laid out in the order of the text and bound anew by Prometheus's precedence.
 */

type Token =
  | { kind: 'operand'; node: SyntaxNode }
  | { kind: 'modifier'; node: SyntaxNode }
  | { kind: 'sign'; op: '+' | '-'; from: number }
  | { kind: 'infix'; op: BinaryOp; node: SyntaxNode }

const precedence: Readonly<Record<BinaryOp, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '>': 3,
  '<': 3,
  '>=': 3,
  '<=': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
}

/** Reads a tree of operators; `readOperand` reads what stands between them. */
export function readInfix(text: string, node: SyntaxNode, readOperand: (node: SyntaxNode) => Expr): Expr {
  const tokens = tokensOf(text, node)
  let next = 0

  const primary = (): Expr => {
    const token = tokens[next++]
    if (token?.kind === 'sign') {
      return { kind: 'unary', from: token.from, op: token.op, inner: climb(precedence['^']) }
    }
    if (token?.kind !== 'operand') throw new Refusal('An operand is missing.', node.from)
    let expr = readOperand(token.node)
    for (let at = tokens[next]; at?.kind === 'modifier'; at = tokens[next]) {
      expr = applyModifier(text, expr, at.node)
      next++
    }
    return expr
  }

  const climb = (least: number): Expr => {
    let left = primary()
    for (let at = tokens[next]; at?.kind === 'infix' && precedence[at.op] >= least; at = tokens[next]) {
      next++
      const right = climb(at.op === '^' ? precedence['^'] : precedence[at.op] + 1)
      const bool = at.node.getChild('BoolModifier') !== null
      left = { kind: 'binary', from: left.from, op: at.op, bool, left, right, matching: matchingOf(text, at.node) }
    }
    return left
  }

  return climb(0)
}

function tokensOf(text: string, node: SyntaxNode): Token[] {
  switch (node.name) {
    case 'BinaryExpr': {
      const { left, op, right } = partsOf(text, node)
      return [...tokensOf(text, left), { kind: 'infix', op, node }, ...tokensOf(text, right)]
    }
    case 'UnaryExpr': {
      const inner = node.lastChild
      if (!inner) throw new Refusal('An operand is missing.', node.from)
      return [{ kind: 'sign', op: text[node.from] === '-' ? '-' : '+', from: node.from }, ...tokensOf(text, inner)]
    }
    case 'OffsetExpr':
    case 'StepInvariantExpr':
    case 'MatrixSelector':
    case 'SubqueryExpr': {
      const inner = node.firstChild
      if (!inner) throw new Refusal('An operand is missing.', node.from)
      return [...tokensOf(text, inner), { kind: 'modifier', node }]
    }
    case 'NumberDurationLiteral': {
      const sign = text[node.from]
      if (sign !== '-' && sign !== '+') return [{ kind: 'operand', node }]
      return [
        { kind: 'sign', op: sign, from: node.from },
        { kind: 'operand', node },
      ]
    }
    default:
      return [{ kind: 'operand', node }]
  }
}

const besideOperands = new Set(['BoolModifier', 'MatchingModifierClause', 'LineComment', 'FillModifier'])

function partsOf(text: string, node: SyntaxNode): { left: SyntaxNode; op: BinaryOp; right: SyntaxNode } {
  const parts: SyntaxNode[] = []
  for (let at = node.firstChild; at; at = at.nextSibling) if (!besideOperands.has(at.name)) parts.push(at)
  const [left, operator, right] = parts
  const fill = node.getChild('FillModifier')
  if (fill) throw new Refusal('"fill" is not supported: Prometheus 2.42 does not know it.', fill.from)
  if (!left || !operator || !right) throw new Refusal('The operation is not complete.', node.from)
  const op = text.slice(operator.from, operator.to).toLowerCase()
  if (!isOperator(op)) throw new Refusal(`The operator "${op}" is not supported.`, operator.from)
  return { left, op, right }
}

function isOperator(op: string): op is BinaryOp {
  return Object.hasOwn(precedence, op)
}

function matchingOf(text: string, node: SyntaxNode): Matching | undefined {
  const clause = node.getChild('MatchingModifierClause')
  if (!clause) return undefined
  const lists = clause.getChildren('GroupingLabels')
  const many = clause.getChild('GroupLeft') ? 'left' : clause.getChild('GroupRight') ? 'right' : undefined
  const names = lists.map((list) => labelNames(text, list))
  return { on: clause.getChild('On') !== null, labels: names[0] ?? [], many, include: names[1] ?? [] }
}

function labelNames(text: string, list: SyntaxNode): string[] {
  const quoted = list.getChild('QuotedLabelName')
  if (quoted) throw new Refusal('A label name in quotes is not supported.', quoted.from)
  return list.getChildren('LabelName').map((label) => text.slice(label.from, label.to))
}
