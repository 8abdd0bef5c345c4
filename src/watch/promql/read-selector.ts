import type { SyntaxNode } from '@lezer/common'
import { descendants, type Matcher } from '../../check/promql/parse.ts'
import type { SelectorExpr } from './ast.ts'
import { metricName } from './label-sets.ts'
import { textOf } from './literals.ts'
import { wholePattern } from './pattern.ts'
import { Refusal } from './refusal.ts'

/** A choice of series; the name of the metric becomes a matcher like the others. */
export function readSelector(text: string, node: SyntaxNode): SelectorExpr {
  const quoted = descendants(node, 'QuotedLabelName')[0]
  if (quoted) throw new Refusal('A name in quotes is not supported.', quoted.from)
  const identifier = node.getChild('Identifier')
  const matchers = descendants(node, 'UnquotedLabelMatcher').map((matcher) => readMatcher(text, matcher))
  if (identifier) {
    if (matchers.some(({ label }) => label === metricName)) {
      throw new Refusal('The name of the metric is given twice.', node.from)
    }
    matchers.unshift({ label: metricName, op: '=', value: text.slice(identifier.from, identifier.to) })
  }
  if (matchers.every(acceptsEmpty)) {
    throw new Refusal('A selector needs at least one matcher that does not accept an empty value.', node.from)
  }
  return { kind: 'selector', from: node.from, matchers, offsetMs: undefined, at: undefined }
}

function readMatcher(text: string, node: SyntaxNode): Matcher {
  const name = node.getChild('LabelName')
  const op = node.getChild('MatchOp')
  const literal = node.getChild('StringLiteral')
  if (!name || !op || !literal) throw new Refusal('The matcher is not complete.', node.from)
  const value = textOf(text.slice(literal.from, literal.to), literal.from)
  const matcher: Matcher = { label: text.slice(name.from, name.to), op: operatorOf(text.slice(op.from, op.to)), value }
  if (matcher.op === '=~' || matcher.op === '!~') {
    const pattern = wholePattern(value)
    if (!(pattern instanceof RegExp)) throw new Refusal(`The pattern cannot be read: ${pattern.problem}.`, literal.from)
  }
  return matcher
}

function operatorOf(written: string): Matcher['op'] {
  return written === '!=' || written === '=~' || written === '!~' ? written : '='
}

function acceptsEmpty({ op, value }: Matcher): boolean {
  if (op === '=') return value === ''
  if (op === '!=') return value !== ''
  const pattern = wholePattern(value)
  return pattern instanceof RegExp && pattern.test('') === (op === '=~')
}
