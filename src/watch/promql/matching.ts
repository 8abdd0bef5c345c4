import type { Labels } from '../series.ts'
import type { Pairing } from './arithmetic.ts'
import { type BinaryExpr, dropsMetricName, type Matching } from './ast.ts'
import { anyPresent, type Column, cannotEvaluate, emptyColumn, mergeBySteps } from './columns.ts'
import { keeping, omitting, setting, signatureOf, withoutName } from './label-sets.ts'

/* Two vectors meet series by series. One side has at most one series for each signature, the other too unless a group is declared. */

const byAllLabels: Matching = { on: false, labels: [], many: undefined, include: [] }

/** @throws AvalError QUERY_FAILED where more series meet than the matching allows. */
export function matchVectors(
  expr: BinaryExpr,
  pairing: Pairing,
  left: readonly Column[],
  right: readonly Column[],
  count: number,
): Column[] {
  const matching = expr.matching ?? byAllLabels
  const swapped = matching.many === 'right'
  const [many, one] = swapped ? [right, left] : [left, right]
  const pair: Pairing = swapped ? (a, b) => pairing(b, a) : pairing
  const partners = partnersOf(one, matching, anyPresent(many, count))
  const taken = new Map<string, Uint8Array>()
  const columns: Column[] = []
  for (const column of many) {
    const signature = signatureOf(column.labels, matching.on, matching.labels)
    const group = matching.many ? undefined : takenIn(taken, signature, count)
    for (const partner of partners.get(signature) ?? []) {
      const result = paired(resultLabels(expr, matching, column.labels, partner.labels), column, partner, pair, group)
      if (result) columns.push(result)
    }
  }
  return mergeBySteps(columns)
}

/** The series of the "one" side by signature; at no step may two of a signature have a value. */
function partnersOf(one: readonly Column[], matching: Matching, asked: Uint8Array): Map<string, Column[]> {
  const partners = new Map<string, Column[]>()
  for (const column of one) {
    const signature = signatureOf(column.labels, matching.on, matching.labels)
    const others = partners.get(signature)
    if (!others) {
      partners.set(signature, [column])
      continue
    }
    for (const other of others) {
      for (let step = 0; step < asked.length; step++) {
        if (asked[step] && other.present[step] && column.present[step]) {
          throw cannotEvaluate(
            'Several series of one side meet the same series of the other; use on, ignoring, group_left or group_right.',
          )
        }
      }
    }
    others.push(column)
  }
  return partners
}

function takenIn(taken: Map<string, Uint8Array>, signature: string, count: number): Uint8Array {
  const found = taken.get(signature) ?? new Uint8Array(count)
  taken.set(signature, found)
  return found
}

/** The steps at which both have a value and the pairing keeps it; undefined if there are none. */
function paired(
  labels: Labels,
  column: Column,
  partner: Column,
  pair: Pairing,
  taken: Uint8Array | undefined,
): Column | undefined {
  const result = emptyColumn(labels, column.values.length)
  let kept = false
  for (let step = 0; step < result.values.length; step++) {
    if (!column.present[step] || !partner.present[step]) continue
    const value = pair(column.values[step] ?? Number.NaN, partner.values[step] ?? Number.NaN)
    if (value === undefined) continue
    if (taken) {
      if (taken[step]) {
        throw cannotEvaluate('Several series meet the same one: say which side is many with group_left or group_right.')
      }
      taken[step] = 1
    }
    result.values[step] = value
    result.present[step] = 1
    kept = true
  }
  return kept ? result : undefined
}

function resultLabels({ op, bool }: BinaryExpr, matching: Matching, many: Labels, one: Labels): Labels {
  let labels = dropsMetricName(op, bool) ? withoutName(many) : many
  if (!matching.many) labels = matching.on ? keeping(labels, matching.labels) : omitting(labels, matching.labels)
  for (const name of matching.include) labels = setting(labels, name, one[name] ?? '')
  return labels
}
