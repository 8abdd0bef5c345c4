import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePlan } from '../../plan/plan.ts'
import { alertFacts } from './alert-facts.ts'
import { type Explanation, explainAlert } from './explain.ts'
import type { Evaluation } from './reading.ts'
import { type AlertState, alertRound, alertSetup, emptyState } from './round.ts'
import type { Silence } from './silence.ts'

const begin = Date.UTC(2026, 0, 5, 12)
const silence: Silence = {
  id: 's',
  matchers: [{ label: 'alert', op: '=', value: 'errors' }],
  fromMs: begin + 60_000,
  untilMs: begin + 3_600_000,
  by: 'on call',
  why: 'known',
}

const notify = ['pager']
const parsed = parsePlan({
  system: 'shop',
  telemetry: {
    metrics: { errors: { type: 'gauge', help: 'Errors.', labels: ['route'] }, up: { type: 'gauge', help: 'Up.' } },
    labels: { route: ['/pay'] },
  },
  alerts: {
    errors: { when: 'errors > 5', for: '1m', severity: 'high', notify },
    rare: { when: 'errors < 5', severity: 'high', notify, minimumSample: { of: 'count(errors)', atLeast: 9 } },
    misspelt: { when: 'erors > 5', severity: 'high', notify },
    elsewhere: { when: 'errors{route="/py"} > 5', severity: 'high', notify },
    down: { when: 'up == 0', severity: 'critical', notify, inhibits: ['errors'] },
  },
  incidents: { channels: { pager: { kind: 'pagerduty', reaches: 'on call' } } },
})
assert.ok('plan' in parsed)
const setup = alertSetup(parsed.plan)

/** What is said of an alert after some rounds, a quarter of a minute apart. */
function explained(
  name: string,
  answers: Record<string, Evaluation>,
  rounds: number,
  silences: Silence[] = [],
): Explanation {
  const evaluate = ({ when }: { when: string }) => answers[when] ?? []
  let state: AlertState = { ...emptyState, silences: new Map(silences.map((one) => [one.id, one])) }
  for (let round = 0; round < rounds; round++) {
    state = alertRound(setup, state, { evaluate }, begin + round * 15_000).state
  }
  const rule = setup.rules.get(name)
  assert.ok(rule)
  const series = ({ metric }: { metric: string | undefined }) => (metric === 'errors' ? 1 : 0)
  return explainAlert(alertFacts(setup, state, rule, evaluate, series, begin + (rounds - 1) * 15_000))
}

const nine: Evaluation = [{ labels: { route: '/pay' }, value: 9 }]

test('a quiet alert shows its figure against the bound', () => {
  assert.deepEqual(explained('errors', { errors: [{ labels: {}, value: 4.56789 }] }, 2), {
    verdict: 'quiet',
    sentences: ['Its condition does not hold.', 'Its figure is 4.568; the condition is > 5.'],
  })
})

test('a pending one says since when and what is left', () => {
  assert.deepEqual(explained('errors', { 'errors > 5': nine, errors: nine }, 3), {
    verdict: 'pending',
    sentences: [
      'Pending (route=/pay) since 2026-01-05T12:00:00.000Z, for 30s; it fires when it held for 1m, in 30s. Its last figure is 9.',
      'Its figure is 9 (route=/pay); the condition is > 5.',
    ],
  })
})

test('a firing one says who was told, and what keeps it from being told', () => {
  const { verdict, sentences } = explained('errors', { 'errors > 5': nine, 'up == 0': [{ labels: {}, value: 0 }] }, 6, [
    silence,
  ])
  assert.equal(verdict, 'firing')
  assert.equal(
    sentences[0],
    'Firing (route=/pay) since 2026-01-05T12:00:00.000Z, for 1m 15s. Its last figure is 9. No channel was told yet.' +
      ' It is silenced until 2026-01-05T13:00:00.000Z by on call: known, and inhibited by down.',
  )
  const told = explained('errors', { 'errors > 5': nine }, 6)
  assert.match(told.sentences[0] ?? '', /Its channels were told last at 2026-01-05T12:01:00.000Z\.$/)
})

test('a failing evaluation, a missing series and too few samples are told from a condition that does not hold', () => {
  const failing = explained('errors', { 'errors > 5': { problem: 'many-to-many matching' } }, 2)
  assert.equal(failing.verdict, 'unknown')
  assert.equal(
    failing.sentences[0],
    'Its evaluation fails since 2026-01-05T12:00:00.000Z: many-to-many matching. It neither fires nor ends by it.',
  )
  const missing = explained('errors', { 'errors > 5': { missing: ['errors'] } }, 1)
  assert.equal(missing.verdict, 'unknown')
  assert.match(missing.sentences[0] ?? '', /no such series: errors/)
  const few = explained('rare', { 'errors < 5': nine, 'count(errors)': [{ labels: {}, value: 4 }] }, 1)
  assert.equal(few.verdict, 'unknown')
  assert.match(few.sentences[0] ?? '', /Too little was seen .*: 4 seen of the 9 it needs\./)
})

test('one that can never fire says what nothing emits or which value is never seen', () => {
  const misspelt = explained('misspelt', {}, 1)
  assert.equal(misspelt.verdict, 'never')
  assert.equal(misspelt.sentences[0], 'It can never fire. erors: Nothing emits "erors".')
  assert.ok(misspelt.sentences.includes('No such series: erors.'))
  const elsewhere = explained('elsewhere', {}, 1)
  assert.equal(elsewhere.verdict, 'never')
  assert.match(elsewhere.sentences[0] ?? '', /never has the value "\/py": it has \/pay or other\./)
})
