import {
  type AggregateExpr,
  type BinaryExpr,
  type CallExpr,
  children,
  type Expr,
  isComparison,
  isSetOperator,
  unwrapped,
} from './ast.ts'
import { aggregations, signatures, type ValueType } from './functions.ts'
import { isLabelName } from './label-sets.ts'
import { wholePattern } from './pattern.ts'
import { Refusal } from './refusal.ts'

/** What an expression stands for, without looking inside further than that needs. */
export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'selector':
    case 'aggregate':
      return 'vector'
    case 'range':
    case 'subquery':
      return 'range'
    case 'paren':
    case 'unary':
      return typeOf(expr.inner)
    case 'call':
      return signatures.get(expr.name)?.returns ?? 'vector'
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector'
  }
}

const called: Readonly<Record<ValueType, string>> = {
  scalar: 'a scalar',
  string: 'a string',
  vector: 'an instant vector',
  range: 'a range vector',
}

/** @throws Refusal at the first part, from the inside out, whose type does not fit. */
export function checkTypes(expr: Expr): void {
  for (const inner of children(expr)) checkTypes(inner)
  if (expr.kind === 'call') checkCall(expr)
  if (expr.kind === 'aggregate') checkAggregate(expr)
  if (expr.kind === 'binary') checkBinary(expr)
  if (expr.kind === 'subquery') expectType(expr.inner, ['vector'], 'A subquery')
  if (expr.kind === 'unary') expectType(expr.inner, ['scalar', 'vector'], `The sign "${expr.op}"`)
}

function expectType(expr: Expr, wanted: readonly ValueType[], taker: string): void {
  const type = typeOf(expr)
  if (wanted.includes(type)) return
  throw new Refusal(`${taker} takes ${wanted.map((one) => called[one]).join(' or ')}, not ${called[type]}.`, expr.from)
}

function checkCall({ name, args, from }: CallExpr): void {
  const signature = signatures.get(name)
  if (!signature) throw new Refusal(`The function "${name}" is not supported.`, from)
  const repeats = signature.optional === Number.POSITIVE_INFINITY
  const least = signature.args.length - (repeats ? 1 : signature.optional)
  if (args.length < least || (!repeats && args.length > signature.args.length)) {
    throw new Refusal(`"${name}" does not take ${args.length} argument${args.length === 1 ? '' : 's'}.`, from)
  }
  args.forEach((arg, index) => {
    const wanted = signature.args[index] ?? signature.args.at(-1)
    if (wanted) expectType(arg, [wanted], `"${name}"`)
  })
  if (name === 'label_replace' || name === 'label_join') checkLabelCall(name, args)
}

function checkLabelCall(name: 'label_replace' | 'label_join', args: readonly Expr[]): void {
  const named = name === 'label_replace' ? args.slice(1, 2) : [...args.slice(1, 2), ...args.slice(3)]
  for (const arg of named) {
    const label = unwrapped(arg)
    if (label.kind === 'string' && !isLabelName(label.value)) {
      throw new Refusal(`"${label.value}" cannot name a label.`, label.from)
    }
  }
  const last = args.at(-1)
  const pattern = last && unwrapped(last)
  if (name === 'label_join' || pattern?.kind !== 'string') return
  const read = wholePattern(pattern.value)
  if (!(read instanceof RegExp)) throw new Refusal(`The pattern cannot be read: ${read.problem}.`, pattern.from)
}

function checkAggregate({ op, inner, param }: AggregateExpr): void {
  expectType(inner, ['vector'], `"${op}"`)
  const wanted = aggregations.get(op)
  if (!wanted || !param) return
  expectType(param, [wanted], `"${op}"`)
  const label = unwrapped(param)
  if (label.kind === 'string' && !isLabelName(label.value)) {
    throw new Refusal(`"${label.value}" cannot name a label.`, label.from)
  }
}

function checkBinary({ op, bool, left, right, matching, from }: BinaryExpr): void {
  for (const side of [left, right]) expectType(side, ['scalar', 'vector'], `"${op}"`)
  const vectors = [left, right].filter((side) => typeOf(side) === 'vector').length
  if (bool && !isComparison(op)) throw new Refusal(`"bool" belongs to comparisons, not to "${op}".`, from)
  if (isComparison(op) && vectors === 0 && !bool) {
    throw new Refusal(`A comparison of scalars needs "bool" after "${op}".`, from)
  }
  if (isSetOperator(op) && vectors < 2) throw new Refusal(`"${op}" takes an instant vector on both sides.`, from)
  if (!matching) return
  if (vectors < 2) {
    // As Prometheus has it, an empty list beside a scalar says nothing and does no harm.
    if (matching.labels.length === 0) return
    throw new Refusal(`"on" and "ignoring" need an instant vector on both sides of "${op}".`, from)
  }
  if (isSetOperator(op) && matching.many) throw new Refusal(`"${op}" takes no grouping.`, from)
  const both = matching.on ? matching.include.find((label) => matching.labels.includes(label)) : undefined
  if (both) throw new Refusal(`The label "${both}" stands in both "on" and the grouping.`, from)
}
