import type { EvidenceStep } from '../../ledger/evidence.ts'

/** What one question about integrity found. */
export interface Inspection {
  violations: number
  sample: { size: number; of: string }
  reason: string
  steps: EvidenceStep[]
}
