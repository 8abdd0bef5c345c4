import type { Evidence } from '../../ledger/evidence.ts'
import type { Proof } from './proof.ts'

/** A promise of a shop's recovery; one that was never tried where no reason of a verdict is given. */
export function proof(
  claim: string,
  reason?: string,
  verdict: Evidence['verdict'] = 'proven',
  source = 'OPS-1 §2',
): Proof {
  return {
    guarantee: {
      id: 'recovery/database/time',
      system: 'shop',
      kind: 'recovery',
      subject: 'database',
      claim,
      target: { op: '<=', value: 14_400_000, unit: 'ms' },
      source,
      requirements: ['SH-1'],
      safety: 'disruptive',
      freshFor: 1,
      path: [],
    },
    verdict: reason === undefined ? 'unproven' : verdict,
    fresh: true,
    evidence:
      reason === undefined
        ? undefined
        : {
            id: 'e1',
            guarantee: 'recovery/database/time',
            system: 'shop',
            verdict,
            measured: 9_500,
            unit: 'ms',
            sample: { size: 40, of: 'acknowledged writes' },
            scale: { measuredBytes: 500_000_000, declaredBytes: 40_000_000_000 },
            environment: { postgres: '18.4' },
            steps: [{ name: 'restored', outcome: 'done', tookMs: 9_000 }],
            reason,
            remedy: verdict === 'proven' ? null : 'Restore it again',
            seed: 7,
            planDigest: 'd',
            subjectDigest: 's',
            commit: null,
            startedAt: '2026-02-03T04:05:06.789Z',
            tookMs: 12_000,
          },
  }
}
