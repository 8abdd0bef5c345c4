import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idBegins } from '../plan/guarantee.ts'
import { parsePrefixes, unknownPrefix } from './id-prefixes.ts'

test('--only takes one prefix, or several with commas between', () => {
  assert.deepEqual(parsePrefixes('recovery'), ['recovery'])
  assert.deepEqual(parsePrefixes('alerts, probes/api'), ['alerts', 'probes/api'])
  for (const text of ['', 'alerts,', ',alerts', 'alerts,,probes']) assert.throws(() => parsePrefixes(text), text)
})

test('an id is meant by any of them, and by none at all', () => {
  assert.deepEqual(
    [[], ['probes', 'alerts/down'], ['alerts/up', 'limits']].map((only) => idBegins('alerts/down/reaches', only)),
    [true, true, false],
  )
})

test('the one that no promise begins with is named', () => {
  const ids = ['alerts/down/reaches', 'limits/push/exact']
  assert.equal(unknownPrefix(['limits', 'alerts/down'], ids), undefined)
  assert.equal(unknownPrefix(['limits', 'alrets'], ids), 'alrets')
})
