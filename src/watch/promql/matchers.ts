import type { Matcher } from '../../check/promql/parse.ts'
import type { Labels } from '../series.ts'
import { wholePattern } from './pattern.ts'

/**
 * The test that all matchers make of a series together. A label that is missing counts as empty.
 * @throws RangeError for a pattern that cannot be read; compiled queries hold none.
 */
export function acceptsAll(matchers: readonly Matcher[]): (labels: Labels) => boolean {
  const tests = matchers.map(({ label, op, value }) => {
    if (op === '=') return (labels: Labels) => (labels[label] ?? '') === value
    if (op === '!=') return (labels: Labels) => (labels[label] ?? '') !== value
    const pattern = wholePattern(value)
    if (!(pattern instanceof RegExp)) throw new RangeError(`${value}: ${pattern.problem}`)
    const wanted = op === '=~'
    return (labels: Labels) => pattern.test(labels[label] ?? '') === wanted
  })
  return (labels) => tests.every((test) => test(labels))
}
