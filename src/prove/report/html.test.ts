import assert from 'node:assert/strict'
import { test } from 'node:test'
import { htmlReport, type ReportSubject } from './html.ts'
import { proof } from './proof.fixture.ts'

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
