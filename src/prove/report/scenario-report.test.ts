import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Evidence } from '../../ledger/evidence.ts'
import { deriveGuarantees } from '../../plan/derive.ts'
import { parsePlan } from '../../plan/plan.ts'
import { htmlDocument, markdownDocument } from './document.ts'
import type { Proof } from './proof.ts'
import { scenarioMatrix } from './scenario-matrix.ts'
import { scenarioDocument, scenarioReport } from './scenario-report.ts'

const parsed = parsePlan({
  system: 'shop',
  title: 'The shop',
  documents: { OPS: 'Operations' },
  recovery: {
    procedures: {
      restore: {
        fault: 'server-lost',
        trigger: ['the database is lost'],
        steps: [
          { does: 'Restore it.', action: 'restore', command: 'aval restore shop', expect: 'Promoted.', within: '1h' },
          'Tell the team.',
        ],
        success: ['the shop is open'],
        within: '4h',
        loss: '1h',
        source: 'OPS §6',
      },
      spoken: { steps: ['Call somebody.'], within: '1h' },
    },
  },
})
assert.ok('plan' in parsed)
const { plan } = parsed

const evidence = (guarantee: string, verdict: Evidence['verdict'], reason: string): Evidence => ({
  id: `evidence of ${guarantee}`,
  guarantee,
  system: 'shop',
  verdict,
  measured: 4_200,
  unit: 'ms',
  sample: { size: 311, of: 'acknowledged writes' },
  scale: { measuredBytes: 32e6, declaredBytes: 40e9 },
  environment: { postgres: '18.4', effort: 'full' },
  steps: [
    { name: 'clients at work', outcome: 'done', tookMs: 100 },
    {
      name: 'Restore it.',
      outcome: 'done',
      tookMs: 3_100,
      detail: `aval restore shop: <b>files</b> ${'x'.repeat(5_000)}`,
      startedAt: '2026-02-10T03:00:05.000Z',
      command: 'aval restore shop',
      withinMs: 3_600_000,
    },
    {
      name: 'Tell the team.',
      outcome: 'skipped',
      tookMs: 0,
      detail: 'Left to a person',
      startedAt: '2026-02-10T03:00:09.000Z',
    },
  ],
  reason,
  remedy: verdict === 'proven' ? null : 'Look at the store',
  seed: 7,
  planDigest: 'p',
  subjectDigest: 's',
  commit: 'abc',
  startedAt: '2026-02-10T03:00:00.000Z',
  tookMs: 9_000,
})

const proofs = deriveGuarantees(plan).map((guarantee): Proof => {
  const loss = guarantee.id.endsWith('/loss')
  const found = evidence(guarantee.id, loss ? 'refuted' : 'proven', loss ? '3 writes were lost' : 'Done in time')
  return { guarantee, verdict: found.verdict, evidence: found, fresh: true }
})

test('a report tells what failed, what was done by which command and when, its limit, and what was lost', () => {
  const report = scenarioReport(plan, 'restore', proofs)
  assert.ok(report)
  const text = markdownDocument(scenarioDocument(report))
  assert.match(text, /What failed: the server and everything on its machine is gone/)
  assert.match(text, /\| 03:00:05 \| Restore it\. \| aval restore shop \| Promoted\. \|.*\| 3\.1s \| 1h \| done \|/)
  assert.match(text, /\| Tell the team\. \|.*left to a person \|/)
  assert.match(text, /loses at most 1h of acknowledged writes \| ≤ 1h \| 4\.2s \| refuted \| 3 writes were lost/)
  assert.match(text, /32MB of 40GB/)
  assert.match(text, /Seed 7/)
  assert.match(text, /postgres: 18\.4/)
  assert.match(text, /recovery\/procedure:restore\/loss: 3 writes were lost\. Look at the store/)
})

test('what a command printed is bounded and cannot become markup', () => {
  const report = scenarioReport(plan, 'restore', proofs)
  assert.ok(report)
  const page = htmlDocument(scenarioDocument(report))
  assert.ok(page.length < 20_000, `${page.length} characters`)
  assert.doesNotMatch(page, /<b>files/)
})

test('there is no report of what nobody carried out', () => {
  const untried = proofs.map((proof): Proof => ({ ...proof, evidence: undefined, verdict: 'unproven', fresh: false }))
  assert.equal(scenarioReport(plan, 'restore', untried), undefined)
  assert.equal(scenarioReport(plan, 'spoken', proofs), undefined)
  assert.equal(scenarioReport(plan, 'unknown', proofs), undefined)
})

test('the matrix has a row for each fault with the outcome of each promise, and none for what no proof can carry out', () => {
  const [row, ...others] = scenarioMatrix(plan, proofs)
  assert.deepEqual(others, [])
  assert.deepEqual(row?.steps, { carriedOut: 1, left: 1 })
  assert.deepEqual(
    row?.outcomes.map(({ guarantee, verdict }) => [row.fault, guarantee, verdict]),
    [
      ['server-lost', 'recovery/procedure:restore/time', 'proven'],
      ['server-lost', 'recovery/procedure:restore/loss', 'refuted'],
    ],
  )
})
