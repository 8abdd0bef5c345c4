import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Bound, Guarantee } from '../plan/guarantee.ts'
import { conclude } from './conclude.ts'
import type { Finding } from './prover.ts'

const guarantee = (target: Bound): Guarantee => ({
  id: 'recovery/database/time',
  system: 'shop',
  kind: 'recovery',
  subject: 'database',
  claim: 'Serves again',
  target,
  source: undefined,
  requirements: [],
  safety: 'disruptive',
  freshFor: 1,
  path: [],
})
const found = (target: Bound, measured: number, more: { broken?: string; size?: number } = {}): Finding => ({
  guarantee: guarantee(target),
  outcome: 'measured',
  measured,
  sample: { size: more.size ?? 1, of: 'attempts' },
  scale: null,
  steps: [],
  reason: 'as measured',
  broken: more.broken,
  startedAt: 0,
  tookMs: 1,
})
const facts = { seed: 1, planDigest: 'p', commit: null, environment: {} }
const verdict = (finding: Finding) => conclude(finding, 'subject', facts).verdict
const atMost = (value: number): Bound => ({ op: '<=', value, unit: 'ms' })

describe('a verdict', () => {
  test('is proven at the bound and refuted beyond it', () => {
    assert.equal(verdict(found(atMost(100), 100)), 'proven')
    assert.equal(verdict(found(atMost(100), 100.1)), 'refuted')
  })

  test('of a claim is refuted by a single breach', () => {
    assert.equal(verdict(found({ op: 'holds' }, 0)), 'proven')
    assert.equal(verdict(found({ op: 'holds' }, 1)), 'refuted')
  })

  test('is refuted by a breach that no number expresses, however good the number', () => {
    assert.equal(verdict(found(atMost(100), 0, { broken: 'a hole' })), 'refuted')
  })

  test('is never proven by nothing: no observation, or a measurement that is none', () => {
    assert.equal(verdict(found(atMost(100), 0, { size: 0 })), 'inconclusive')
    for (const nonsense of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.equal(verdict(found(atMost(100), nonsense)), 'inconclusive')
    }
  })

  test('comes with a remedy exactly when it is not proven', () => {
    fc.assert(
      fc.property(fc.double(), fc.nat(), fc.nat(3), (measured, bound, size) => {
        const evidence = conclude(found(atMost(bound), measured, { size }), 'subject', facts)
        assert.equal(evidence.remedy === null, evidence.verdict === 'proven')
        if (evidence.verdict === 'proven') assert.ok(measured <= bound && size > 0)
      }),
    )
  })
})
