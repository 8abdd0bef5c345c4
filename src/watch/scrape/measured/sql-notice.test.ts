import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readSqlNotice } from './sql-notice.ts'

const checks = new Set(['stale_orders'])
const read = (payload: string) => readSqlNotice(payload, checks)

test('a figure of a check that the plan lists is believed', () => {
  assert.deepEqual(read('{"check": "stale_orders", "value": 7}'), { check: 'stale_orders', value: 7 })
})

test('a check that the plan does not list is not', () => {
  for (const name of ['stale_order', 'toString', '__proto__', ''])
    assert.deepEqual(read(JSON.stringify({ check: name, value: 7 })), { refused: 'check' })
})

test('what has another shape is refused', () => {
  for (const payload of [
    '',
    '7',
    'null',
    '⚠️ 6 bookings pending payment',
    '[{"check":"stale_orders","value":7}]',
    '{"check":"stale_orders"}',
    '{"check":"stale_orders","value":"7"}',
    '{"check":"stale_orders","value":null}',
    '{"check":"stale_orders","value":1e999}',
    '{"check":"stale_orders","value":7,"customer":"Ana"}',
  ])
    assert.deepEqual(read(payload), { refused: 'shape' }, payload)
})

test('what the pager says to people on the same channel is no notice and no trouble', () => {
  assert.equal(
    read(JSON.stringify({ id: '1', text: 'stale orders', status: 'firing', severity: 'warning' })),
    'message',
  )
})

test('whatever is sent, nothing but a listed check with a finite figure comes out', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (payload) => {
      const notice = read(payload)
      if (notice === 'message' || 'refused' in notice) return
      assert.equal(notice.check, 'stale_orders')
      assert.ok(Number.isFinite(notice.value))
    }),
  )
})
