import type { Verdict } from '../../../ledger/evidence.ts'
import type { Proof } from '../proof.ts'

/** What is told of one system in a format that other tools read. */
export interface ProofsOfSystem {
  system: string
  /** Those that were tried at least once. */
  proofs: readonly Proof[]
  /** Where the promise stands: a path from the root of the repository, lines and columns from 1. */
  placeOf(proof: Proof): { file: string; line?: number | undefined; column?: number | undefined }
}

/** How other tools take a verdict. What is not proven and not refuted needs somebody too: never green by default. */
export const levelOf = {
  proven: 'pass',
  refuted: 'error',
  inconclusive: 'warning',
  stale: 'warning',
  unproven: 'warning',
} as const satisfies Record<Verdict, 'pass' | 'error' | 'warning'>

/** What was promised, what became of it and what to do next, a line each. */
export function sayProof({ guarantee, verdict, evidence }: Proof): string {
  const source = guarantee.source === undefined ? '' : ` (${guarantee.source})`
  const became =
    evidence === undefined
      ? 'It was not tried.'
      : verdict === 'stale'
        ? `The evidence is too old, or of something that has changed since. It said: ${evidence.reason}`
        : evidence.reason
  const next = verdict === 'proven' || !evidence?.remedy ? '' : `\nNext: ${evidence.remedy}`
  return `${guarantee.claim}${source}\n${became}${next}`
}
