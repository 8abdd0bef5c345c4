import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shop } from './shop.fixture.ts'
import { silence } from './silence.fixture.ts'
import type { Silence, SilenceMatcher } from './silence.ts'
import { silenceProblems } from './silence-problems.ts'

const plan = shop({
  alerts: { errors_high: { when: 'errors > 5', severity: 'high', notify: ['pager'] } },
  probes: { api: { tcp: '127.0.0.1:1', every: '1m', notify: ['pager'] } },
})
const problems = (parts: Partial<Silence>) => silenceProblems(plan, { ...silence, ...parts }).join(' ')
const matching = (label: string, op: SilenceMatcher['op'], value: string) =>
  problems({ matchers: [{ label, op, value }] })

test('a silence names what it is about, when, why, and by which role', () => {
  assert.equal(problems({}), '')
  assert.equal(matching('alert', '=', 'probe:api'), '')
  assert.match(problems({ by: 'Somebody Special' }), /is no role of the plan: on call, the team, operations/)
  assert.match(problems({ by: 'the tean' }), /Did you mean the team\?/)
  assert.match(problems({ untilMs: 10 }), /ends before it begins/)
  assert.match(problems({ untilMs: 10 + 31 * 86_400_000 }), /It lasts at most 30d/)
  assert.match(problems({ why: 'ask ana@example.org' }), /^Why holds no e-mail address/)
})

test('what it is about is something the plan has: an alert, a severity, a label and its values', () => {
  assert.match(matching('alert', '=', 'errors_hihg'), /No alert of the plan is called "errors_hihg".*errors_high\?/)
  // Not to be a misspelt alert is what every alert meets.
  assert.match(matching('alert', '!=', 'errors_hihg'), /Did you mean errors_high\?/)
  assert.match(matching('alert', '=~', 'erorrs.*'), /No alert of the plan is called/)
  assert.match(matching('alert', '=~', '('), /"\(" is no pattern/)
  assert.match(matching('alert', '=~', '.*'), /accepts everything/)
  assert.match(
    matching('severity', '=', 'SEV-1'),
    /never has the value "SEV-1", but critical, high, warning, medium, low/,
  )
  assert.match(
    matching('route', '=', '/pya'),
    /never has the value "\/pya", but \/pay, \/cart, other\. Did you mean \/pay/,
  )
  assert.match(matching('patient', '=', 'x'), /No alert carries the label "patient"/)
  const both: SilenceMatcher[] = [
    { label: 'alert', op: '=', value: 'errors_high' },
    { label: 'severity', op: '=', value: 'low' },
  ]
  assert.match(problems({ matchers: both }), /No alert of the plan is all of that/)
})
