import assert from 'node:assert/strict'
import { test } from 'node:test'
import { htmlReport, type ReportSubject } from './html.ts'
import type { Proof } from './proof.ts'

const subject: ReportSubject = {
  system: 'shop',
  title: 'Shop',
  documents: { 'OPS-1': 'Operations' },
  at: '2026-02-03T04:05:06.789Z',
  tookMs: 61_000,
  effort: 'full',
  seed: 7,
  commit: null,
}

function proof(claim: string, reason?: string): Proof {
  return {
    guarantee: {
      id: 'recovery/database/time',
      system: 'shop',
      kind: 'recovery',
      subject: 'database',
      claim,
      target: { op: '<=', value: 14_400_000, unit: 'ms' },
      source: 'OPS-1 §2',
      requirements: ['SH-1'],
      safety: 'disruptive',
      freshFor: 1,
      path: [],
    },
    verdict: reason === undefined ? 'unproven' : 'proven',
    fresh: true,
    evidence:
      reason === undefined
        ? undefined
        : {
            id: 'e1',
            guarantee: 'recovery/database/time',
            system: 'shop',
            verdict: 'proven',
            measured: 9_500,
            unit: 'ms',
            sample: { size: 40, of: 'acknowledged writes' },
            scale: { measuredBytes: 500_000_000, declaredBytes: 40_000_000_000 },
            environment: { postgres: '18.4' },
            steps: [{ name: 'restored', outcome: 'done', tookMs: 9_000 }],
            reason,
            remedy: null,
            seed: 7,
            planDigest: 'd',
            subjectDigest: 's',
            commit: null,
            startedAt: subject.at,
            tookMs: 12_000,
          },
  }
}

test('shows target, measurement, sample and the share of the declared size', () => {
  const page = htmlReport(subject, [proof('Serves again within 4h', 'It did')])
  for (const figure of ['≤ 4h', '9.5s', '>40<', '500MB of 40GB', 'OPS-1 §2']) assert.ok(page.includes(figure), figure)
})

test('says aloud what was never tried', () => {
  const page = htmlReport(subject, [proof('Serves again within 4h')])
  assert.match(page, /<b>1<\/b> unproven/)
  assert.match(page, /never carried out[\s\S]*Serves again within 4h/)
})

test('escapes whatever comes from a plan or a measurement', () => {
  const page = htmlReport(subject, [proof('<script>alert(1)</script>', '"><img src=x>')])
  assert.ok(!page.includes('<script>'))
  assert.ok(!page.includes('<img'))
})

test('loads nothing and runs nothing', () => {
  const page = htmlReport(subject, [proof('a', 'b')])
  assert.match(page, /default-src 'none'/)
  assert.doesNotMatch(page, /\b(?:src|href)="(?!#)/)
})
