import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutReceiver, withoutStandby, withReceiver, withStandby } from './synchronous-names.ts'

const receiver = '"aval_tiny"'
const both = 'FIRST 2 ("aval_tiny", aval_standby)'

test('receiver and standby come and go in any order, and each leaves the other', () => {
  assert.equal(withReceiver('', receiver), receiver)
  assert.equal(withStandby(receiver), both)
  assert.equal(withReceiver(withStandby(''), receiver), both)
  assert.equal(withoutReceiver(both, receiver), 'aval_standby')
  assert.equal(withoutStandby(both), receiver)
  assert.equal(withoutReceiver(receiver, receiver), '')
  assert.equal(withoutStandby('aval_standby'), '')
  assert.equal(withStandby(both), both)
  assert.equal(withReceiver(both, receiver), both)
})

test('what somebody else wrote is left alone by the receiver', () => {
  assert.equal(withReceiver('another', receiver), undefined)
  assert.equal(withoutReceiver('another', receiver), undefined)
  assert.equal(withoutReceiver('aval_standby', receiver), undefined)
})
