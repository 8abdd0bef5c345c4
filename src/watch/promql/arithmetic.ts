import type { BinaryOp } from './ast.ts'

/** What a pair of values gives, or undefined where a comparison filters the pair out. */
export type Pairing = (left: number, right: number) => number | undefined

/** Go's power: 1 to anything is 1, and so is -1 to an infinity, where JavaScript says NaN. */
function power(base: number, exponent: number): number {
  if (base === 1) return 1
  if (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY) return 1
  return base ** exponent
}

const arithmetic: Readonly<Record<string, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '^': power,
  atan2: Math.atan2,
}

const comparisons: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '>': (left, right) => left > right,
  '<': (left, right) => left < right,
  '>=': (left, right) => left >= right,
  '<=': (left, right) => left <= right,
}

/** The result of an operator that reckons. */
export function arithmeticOf(op: BinaryOp): ((left: number, right: number) => number) | undefined {
  return arithmetic[op]
}

/** Whether a comparison holds. */
export function comparisonOf(op: BinaryOp): ((left: number, right: number) => boolean) | undefined {
  return comparisons[op]
}

/** Go's maximum: an infinity wins over NaN. */
export function larger(a: number, b: number): number {
  return a === Number.POSITIVE_INFINITY || b === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : Math.max(a, b)
}

/** Go's minimum: an infinity wins over NaN. */
export function smaller(a: number, b: number): number {
  return a === Number.NEGATIVE_INFINITY || b === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : Math.min(a, b)
}
