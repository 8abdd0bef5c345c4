import { type Evidence, isBounded } from '../../ledger/evidence.ts'
import type { Bound, Unit } from '../../plan/guarantee.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { formatBytes, formatDuration } from '../../plan/units.ts'

/** How the figures of a proof are written for people; `—` where there is none. */

export function formatTarget(target: Bound): string {
  return target.op === 'holds'
    ? 'holds'
    : `${signs[target.op]} ${target.unit === 'ms' ? formatDuration(target.value) : formatFigure(target.value, target.unit)}`
}

export function formatMeasured(evidence: Evidence | undefined): string {
  if (evidence === undefined || evidence.measured === null) return '—'
  if (evidence.unit === 'violations')
    return evidence.measured === 0
      ? 'no breach'
      : `${evidence.measured} ${evidence.measured === 1 ? 'breach' : 'breaches'}`
  return formatFigure(evidence.measured, evidence.unit)
}

export function formatScale(evidence: Evidence | undefined): string {
  if (!evidence?.scale) return '—'
  const { measuredBytes, declaredBytes } = evidence.scale
  return `${formatBytes(measuredBytes)} of ${formatBytes(declaredBytes)}`
}

export function formatSample(evidence: Evidence | undefined): string {
  if (evidence === undefined || evidence.sample.size === 0) return '—'
  // A bounded look must not pass for the full one.
  return isBounded(evidence) ? `${evidence.sample.size} fast` : String(evidence.sample.size)
}

export function formatTime(evidence: Evidence | undefined): string {
  return evidence === undefined ? '—' : readableMs(evidence.tookMs)
}

const signs = { '<=': '≤', '<': '<', '>=': '≥', '>': '>', '=': '=' } as const

function formatFigure(value: number, unit: Unit): string {
  switch (unit) {
    case 'ms':
      return readableMs(value)
    case 'bytes':
      return formatBytes(value)
    case 'ratio':
      return `${Number((value * 100).toPrecision(3))}%`
    case 'per-second':
      return `${Number(value.toPrecision(3))}/s`
    case 'count':
      return String(Number.isInteger(value) ? value : Number(value.toPrecision(3)))
  }
}
