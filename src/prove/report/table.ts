import { styleText } from 'node:util'
import type { Verdict } from '../../ledger/evidence.ts'
import { formatMeasured, formatSample, formatScale, formatTarget, formatTime } from './figures.ts'
import type { Proof } from './proof.ts'

const colours = {
  proven: 'green',
  refuted: 'red',
  inconclusive: 'yellow',
  stale: 'yellow',
  unproven: 'gray',
} as const satisfies Record<Verdict, string>

/** The table of guarantees as text, columns as wide as their content. */
export function proofTable(proofs: readonly Proof[], coloured: boolean): string {
  const head = ['VERDICT', 'GUARANTEE', 'TARGET', 'MEASURED', 'SAMPLE', 'SCALE', 'TIME']
  const rows = proofs.map(({ guarantee, verdict, evidence }) => [
    verdict,
    guarantee.id,
    formatTarget(guarantee.target),
    formatMeasured(evidence),
    formatSample(evidence),
    formatScale(evidence),
    formatTime(evidence),
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  const body = rows.map((row, index) => {
    const text = line(row)
    const verdict = proofs[index]?.verdict
    if (!coloured || verdict === undefined) return text
    return styleText(colours[verdict], text.slice(0, verdict.length)) + text.slice(verdict.length)
  })
  return [line(head), ...body].join('\n')
}

/** Why each guarantee that needs somebody does, and what to do next. */
export function proofTroubles(proofs: readonly Proof[]): string {
  return proofs
    .filter(({ verdict, evidence }) => evidence !== undefined && (verdict === 'refuted' || verdict === 'inconclusive'))
    .map(({ guarantee, verdict, evidence }) => {
      const source = guarantee.source === undefined ? '' : ` (${guarantee.source})`
      return `${verdict} ${guarantee.id}${source}\n  ${guarantee.claim}\n  ${evidence?.reason}\n  Next: ${evidence?.remedy}`
    })
    .join('\n\n')
}
