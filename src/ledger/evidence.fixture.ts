import type { Evidence } from './evidence.ts'

/** Evidence for tests: valid, proven, and different wherever `changes` says so. */
export function exampleEvidence(changes: Partial<Evidence> = {}): Evidence {
  return {
    id: 'e-1',
    guarantee: 'recovery/database/time',
    system: 'shop',
    verdict: 'proven',
    measured: 1200,
    unit: 'ms',
    sample: { size: 1, of: 'restores' },
    scale: { measuredBytes: 5e8, declaredBytes: 4e10 },
    environment: { node: 'v26.10.0', postgres: '18.4' },
    steps: [{ name: 'restore', outcome: 'done', tookMs: 1200 }],
    reason: 'The database answered again after 1.2 s.',
    remedy: null,
    seed: 7,
    planDigest: 'a'.repeat(64),
    subjectDigest: 'b'.repeat(64),
    commit: null,
    startedAt: '2026-01-02T03:04:05.000Z',
    tookMs: 1500,
    ...changes,
  }
}
