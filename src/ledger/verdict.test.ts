import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exampleEvidence } from './evidence.fixture.ts'
import type { Evidence } from './evidence.ts'
import { standing, verdictOf } from './verdict.ts'

const hour = 3_600_000
const guarantee = { freshFor: 24 * hour }
const started = Date.parse('2026-01-02T00:00:00.000Z')
const subject = 'b'.repeat(64)
const found = (verdict: Evidence['verdict']) =>
  exampleEvidence({ verdict, startedAt: '2026-01-02T00:00:00.000Z', tookMs: hour, subjectDigest: subject })

test('a guarantee without evidence is unproven', () => {
  assert.equal(verdictOf(guarantee, undefined, subject, started), 'unproven')
})

test('fresh evidence about the present subject says what it found', () => {
  for (const verdict of ['proven', 'refuted', 'inconclusive'] as const) {
    assert.equal(verdictOf(guarantee, found(verdict), subject, started + 2 * hour), verdict)
  }
})

test('evidence is fresh up to the last millisecond of freshFor, counted from when the proof ended', () => {
  const end = started + hour + guarantee.freshFor
  assert.equal(verdictOf(guarantee, found('proven'), subject, end), 'proven')
  assert.equal(verdictOf(guarantee, found('proven'), subject, end + 1), 'stale')
})

test('evidence about another subject is stale, and so is any when the subject cannot be told', () => {
  assert.equal(verdictOf(guarantee, found('proven'), 'c'.repeat(64), started + 2 * hour), 'stale')
  assert.equal(verdictOf(guarantee, found('inconclusive'), undefined, started + 2 * hour), 'stale')
})

test('evidence from a clock that ran ahead is not believed', () => {
  assert.equal(verdictOf(guarantee, found('proven'), subject, started), 'stale')
})

test('a refuted guarantee stays refuted however old the evidence', () => {
  assert.equal(verdictOf(guarantee, found('refuted'), 'c'.repeat(64), started + 1000 * 24 * hour), 'refuted')
})

test('a bounded run does not stand in for a full one that is still fresh, unless it refutes', () => {
  const now = started + 2 * hour
  const stands = (last: Evidence['verdict'], full: Partial<Evidence>, at = now) => {
    const fuller = { ...found('proven'), ...full, id: 'full' }
    const bounded = { ...found(last), id: 'bounded', environment: { effort: 'fast' } }
    return standing(guarantee, { last: bounded, fuller }, subject, at)?.id
  }
  for (const verdict of ['proven', 'refuted'] as const) {
    assert.equal(stands('proven', { verdict }), 'full')
    assert.equal(stands('inconclusive', { verdict }), 'full')
    assert.equal(stands('refuted', { verdict }), 'bounded')
  }
  assert.equal(stands('proven', { verdict: 'inconclusive' }), 'bounded')
  assert.equal(stands('proven', { subjectDigest: 'c'.repeat(64) }), 'bounded')
  assert.equal(stands('proven', {}, started + 26 * hour), 'bounded')
})

test('nothing but fresh, proven evidence about the present subject is ever proven', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<Evidence['verdict']>('proven', 'refuted', 'inconclusive'),
      fc.constantFrom(subject, 'c'.repeat(64), undefined),
      fc.integer({ min: -100 * 24, max: 100 * 24 }),
      (verdict, present, hours) => {
        const now = started + hours * hour
        const proven = verdictOf(guarantee, found(verdict), present, now) === 'proven'
        const deserved = verdict === 'proven' && present === subject && hours >= 1 && hours <= 25
        assert.equal(proven, deserved)
      },
    ),
  )
})
