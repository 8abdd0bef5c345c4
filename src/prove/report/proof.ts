import type { Evidence, Verdict } from '../../ledger/evidence.ts'
import type { Guarantee } from '../../plan/guarantee.ts'

/** One line of a report: a promise, what is known of it now, and what that rests on. */
export interface Proof {
  guarantee: Guarantee
  verdict: Verdict
  /** The newest evidence, however old; undefined when it was never tried. */
  evidence: Evidence | undefined
  /** Whether the evidence was made in the run that the report is about. */
  fresh: boolean
}

/** Order of attention: what needs somebody first. */
export const verdictOrder: readonly Verdict[] = ['refuted', 'inconclusive', 'stale', 'proven', 'unproven']

export function countVerdicts(proofs: readonly Proof[]): Record<Verdict, number> {
  const counts: Record<Verdict, number> = { proven: 0, refuted: 0, inconclusive: 0, stale: 0, unproven: 0 }
  for (const proof of proofs) counts[proof.verdict]++
  return counts
}
