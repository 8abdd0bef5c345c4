import { randomUUID } from 'node:crypto'
import { timestamp } from '../clock.ts'
import type { Evidence } from '../ledger/evidence.ts'
import { type Bound, meets } from '../plan/guarantee.ts'
import type { Finding } from './prover.ts'

/** What is the same for every piece of evidence of a run. */
export interface RunFacts {
  seed: number
  planDigest: string
  commit: string | null
  environment: Record<string, string>
}

/**
 * Holds a finding against its target and makes the evidence. The only place where a verdict is given: a measurement that is
 * not a finite number never proves anything.
 */
export function conclude(finding: Finding, subjectDigest: string, facts: RunFacts): Evidence {
  const { guarantee } = finding
  const common = {
    id: randomUUID(),
    guarantee: guarantee.id,
    system: guarantee.system,
    unit: unitOf(guarantee.target),
    steps: finding.steps,
    subjectDigest,
    startedAt: timestamp(finding.startedAt),
    tookMs: Math.round(finding.tookMs),
    ...facts,
  }
  if (finding.outcome !== 'measured') {
    const failed = finding.outcome === 'failed'
    const sample = failed ? { size: 1, of: 'attempt' } : { size: 0, of: 'nothing' }
    return {
      ...common,
      verdict: failed ? 'refuted' : 'inconclusive',
      measured: null,
      sample,
      scale: null,
      reason: finding.reason,
      remedy: finding.remedy,
    }
  }
  if (!Number.isFinite(finding.measured) || finding.sample.size === 0) {
    const reason = finding.sample.size === 0 ? 'Nothing was observed' : 'The measurement is not a number'
    const remedy = 'Run the proof again without --fast'
    return {
      ...common,
      verdict: 'inconclusive',
      measured: null,
      sample: finding.sample,
      scale: finding.scale,
      reason,
      remedy,
    }
  }
  const proven = finding.broken === undefined && meets(guarantee.target, finding.measured)
  return {
    ...common,
    verdict: proven ? 'proven' : 'refuted',
    measured: finding.measured,
    sample: finding.sample,
    scale: finding.scale,
    reason: finding.broken ?? finding.reason,
    remedy: proven ? null : (finding.remedy ?? 'Read the steps of the report, mend what they name and prove again'),
  }
}

function unitOf(target: Bound): Evidence['unit'] {
  return target.op === 'holds' ? 'violations' : target.unit
}
