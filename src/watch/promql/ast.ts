import type { Matcher } from '../../check/promql/parse.ts'

/*
 * An expression after it was read and before it is evaluated. `from` is where its text begins, so that a refusal can point at it.
 * Parentheses stay, since Prometheus lets no modifier reach through them.
 */

/** A fixed moment given by `@`: milliseconds since the epoch, or an end of the whole evaluation. */
export type FixedTime = number | 'start' | 'end'

/** What shifts a selector or a subquery in time. */
export interface Shift {
  offsetMs: number | undefined
  at: FixedTime | undefined
}

export interface SelectorExpr extends Shift {
  kind: 'selector'
  from: number
  matchers: readonly Matcher[]
}

export interface RangeExpr {
  kind: 'range'
  from: number
  selector: SelectorExpr
  rangeMs: number
}

export interface SubqueryExpr extends Shift {
  kind: 'subquery'
  from: number
  inner: Expr
  rangeMs: number
  /** Undefined where the text leaves it to the default. */
  stepMs: number | undefined
}

export interface CallExpr {
  kind: 'call'
  from: number
  name: string
  args: readonly Expr[]
}

export interface AggregateExpr {
  kind: 'aggregate'
  from: number
  op: string
  inner: Expr
  param: Expr | undefined
  without: boolean
  labels: readonly string[]
}

/** How the series of two sides meet. `many` names the side that may have several for one of the other. */
export interface Matching {
  on: boolean
  labels: readonly string[]
  many: 'left' | 'right' | undefined
  include: readonly string[]
}

export interface BinaryExpr {
  kind: 'binary'
  from: number
  op: BinaryOp
  bool: boolean
  left: Expr
  right: Expr
  /** Undefined where the text says nothing. */
  matching: Matching | undefined
}

export type Expr =
  | { kind: 'number'; from: number; value: number }
  | { kind: 'string'; from: number; value: string }
  | { kind: 'paren'; from: number; inner: Expr }
  | { kind: 'unary'; from: number; op: '+' | '-'; inner: Expr }
  | SelectorExpr
  | RangeExpr
  | SubqueryExpr
  | CallExpr
  | AggregateExpr
  | BinaryExpr

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2'
export type ComparisonOp = '==' | '!=' | '>' | '<' | '>=' | '<='
export type SetOp = 'and' | 'or' | 'unless'
export type BinaryOp = ArithmeticOp | ComparisonOp | SetOp

export function isComparison(op: BinaryOp): op is ComparisonOp {
  return ['==', '!=', '>', '<', '>=', '<='].includes(op)
}

export function isSetOperator(op: BinaryOp): op is SetOp {
  return op === 'and' || op === 'or' || op === 'unless'
}

/** Whether what an operator gives is no longer the metric it came from. That `atan2` keeps the name is an oversight of 2.42, kept equal. */
export function dropsMetricName(op: BinaryOp, bool: boolean): boolean {
  return isComparison(op) ? bool : op !== 'atan2'
}

/** The expression inside any parentheses around it. */
export function unwrapped(expr: Expr): Expr {
  return expr.kind === 'paren' ? unwrapped(expr.inner) : expr
}

/** The expressions directly inside one. */
export function children(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'selector':
      return []
    case 'range':
      return [expr.selector]
    case 'paren':
    case 'unary':
    case 'subquery':
      return [expr.inner]
    case 'call':
      return expr.args
    case 'aggregate':
      return expr.param ? [expr.param, expr.inner] : [expr.inner]
    case 'binary':
      return [expr.left, expr.right]
  }
}
