import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shop } from './shop.fixture.ts'
import { expired, type Silence, silenceOf, silenceProblems } from './silence.ts'

const plan = shop()
const silence: Silence = {
  id: 's',
  matchers: [
    { label: 'alert', op: '=~', value: 'err.*' },
    { label: 'route', op: '!=', value: '/cart' },
  ],
  fromMs: 10,
  untilMs: 20,
  by: 'on call',
  why: 'known',
}
const alert = { alert: 'errors', severity: 'high', labels: { route: '/pay' } } as const

test('a silence covers what all its matchers accept, from its begin up to its end', () => {
  const covered = (atMs: number, one: Parameters<typeof silenceOf>[1] = alert) =>
    silenceOf([silence], one, atMs) === silence
  assert.deepEqual(
    [9, 10, 19, 20].map((atMs) => covered(atMs)),
    [false, true, true, false],
  )
  assert.equal(covered(15, { ...alert, labels: { route: '/cart' } }), false)
  // A pattern is held against the whole name.
  assert.equal(covered(15, { ...alert, alert: 'more_errors' }), false)
})

test('one that is ended covers nothing from then on, and one that ended before stays', () => {
  assert.equal(silenceOf([expired(silence, 15)], alert, 15), undefined)
  assert.equal(silenceOf([expired(silence, 5)], alert, 12), undefined)
  assert.equal(expired(silence, 30), silence)
})

test('a silence names what it is about, when, and by which role', () => {
  assert.deepEqual(silenceProblems(plan, silence), [])
  const problems = (parts: Partial<Silence>) => silenceProblems(plan, { ...silence, ...parts })
  assert.match(problems({ by: 'Somebody Special' }).join(), /is no role of the plan: on call, the team, operations/)
  assert.match(problems({ untilMs: 10 }).join(), /ends before it begins/)
  assert.match(problems({ matchers: [{ label: 'alert', op: '=~', value: '.*' }] }).join(), /accepts everything/)
  assert.match(problems({ matchers: [{ label: 'alert', op: '=~', value: '(' }] }).join(), /"\(" is no pattern/)
  assert.match(problems({ matchers: [{ label: 'patient', op: '=', value: 'x' }] }).join(), /No alert carries/)
})
