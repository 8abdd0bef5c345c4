import type { SyntaxNode } from '@lezer/common'
import type { Expr, FixedTime, Shift } from './ast.ts'
import { durationMs, numberOf } from './literals.ts'
import { Refusal } from './refusal.ts'

/** Puts what follows an operand (`[5m]`, `[1h:1m]`, `offset`, `@`) on it. */
export function applyModifier(text: string, expr: Expr, node: SyntaxNode): Expr {
  const end = node.firstChild?.to ?? node.from
  const at = end + text.slice(end).search(/\S/)
  switch (node.name) {
    case 'MatrixSelector':
      return range(expr, bracketed(text, node)[0] ?? 0, at)
    case 'SubqueryExpr': {
      const [rangeMs = 0, stepMs] = bracketed(text, node)
      return { kind: 'subquery', from: expr.from, inner: expr, rangeMs, stepMs, offsetMs: undefined, at: undefined }
    }
    case 'OffsetExpr':
      return shifted(expr, { offsetMs: offsetOf(text, node) }, at)
    default:
      return shifted(expr, { at: fixedTimeOf(text, node) }, at)
  }
}

function range(expr: Expr, rangeMs: number, at: number): Expr {
  if (expr.kind !== 'selector') throw new Refusal('Only a selector takes a range; [5m:] makes a subquery.', at)
  if (expr.offsetMs !== undefined) throw new Refusal('The offset stands after the range.', at)
  if (expr.at !== undefined) throw new Refusal('The @ stands after the range.', at)
  return { kind: 'range', from: expr.from, selector: expr, rangeMs }
}

function shifted(expr: Expr, shift: Partial<Shift>, at: number): Expr {
  if (expr.kind === 'range') return { ...expr, selector: withShift(expr.selector, shift, at) }
  if (expr.kind === 'selector' || expr.kind === 'subquery') return withShift(expr, shift, at)
  throw new Refusal('Offset and @ follow a selector, a range or a subquery only.', at)
}

function withShift<T extends Shift>(expr: T, shift: Partial<Shift>, at: number): T {
  if (shift.offsetMs !== undefined && expr.offsetMs !== undefined) throw new Refusal('The offset is given twice.', at)
  if (shift.at !== undefined && expr.at !== undefined) throw new Refusal('The @ is given twice.', at)
  return { ...expr, ...shift }
}

/** The one or two durations between brackets. */
function bracketed(text: string, node: SyntaxNode): number[] {
  return node.getChildren('DurationExpr').map((duration) => plainDuration(text, duration))
}

function offsetOf(text: string, node: SyntaxNode): number {
  const expr = node.getChild('OffsetDurationExpr')
  if (!expr) throw new Refusal('The offset has no duration.', node.from)
  const sign = expr.getChild('UnaryOp')
  const inner = sign ? expr.getChild('OffsetDurationExpr') : expr
  if (!inner) throw new Refusal('The offset has no duration.', node.from)
  return plainDuration(text, inner) * (sign && text.slice(sign.from, sign.to) === '-' ? -1 : 1)
}

/** A duration as it is written: 2.42 does not reckon with durations. */
function plainDuration(text: string, node: SyntaxNode): number {
  const written = text.slice(node.from, node.to)
  const signed = /^-\s*(.*)$/s.exec(written)
  const only = node.firstChild
  if (only?.name !== 'NumberDurationLiteralInDurationContext' || only.nextSibling) {
    throw new Refusal(`"${written}" is not a plain duration; reckoning with durations is not supported.`, node.from)
  }
  return signed ? -durationMs(signed[1] ?? '', node.from) : durationMs(written, node.from)
}

function fixedTimeOf(text: string, node: SyntaxNode): FixedTime {
  const edge = node.getChild('AtModifierPreprocessors')
  if (edge) return edge.getChild('AtStart') ? 'start' : 'end'
  const literal = node.getChild('NumberDurationLiteral')
  if (!literal) throw new Refusal('The @ needs a moment in seconds, start() or end().', node.from)
  const [, sign = '', digits = ''] = /^([+-]?)\s*(.*)$/s.exec(text.slice(literal.from, literal.to)) ?? []
  const seconds = numberOf(digits, literal.from) * (sign === '-' ? -1 : 1)
  if (!Number.isFinite(seconds)) throw new Refusal('The moment after @ is out of bounds.', literal.from)
  return Math.round(seconds * 1000)
}
