import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { carried, correlationIdOf, parseTraceparent, runIn } from './trace-context.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'

test('a traceparent is read as the standard has it', () => {
  assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-01`), { traceId, spanId, sampled: true })
  assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-00`)?.sampled, false)
  assert.deepEqual(parseTraceparent(`cc-${traceId}-${spanId}-01-what-the-future-brings`)?.traceId, traceId)
  for (const wrong of [
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId}-${spanId}`,
    '',
    undefined,
    ['00'],
  ]) {
    assert.equal(parseTraceparent(wrong), undefined, String(wrong))
  }
})

test('what is carried is read back as it was, whatever the ids', () => {
  const hex = (length: number) =>
    fc
      .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
      .filter((id) => !/^0+$/.test(id))
  fc.assert(
    fc.property(hex(32), hex(16), fc.boolean(), fc.uuid(), (trace, span, sampled, correlationId) => {
      const sent = runIn({ traceId: trace, spanId: span, sampled, correlationId }, carried)
      assert.deepEqual(parseTraceparent(sent?.traceparent), { traceId: trace, spanId: span, sampled })
      assert.equal(sent?.correlationId, correlationId)
    }),
  )
})

test('a correlation id that could be anything else is replaced', () => {
  const given = '9f2b1f0e-57a5-4a1f-9a32-0d3b3f8f2b11'
  assert.equal(correlationIdOf(given), given)
  for (const other of ['losartan', `${given} losartan`, undefined, [given]]) {
    assert.match(correlationIdOf(other), /^[0-9a-f-]{36}$/)
    assert.notEqual(correlationIdOf(other), other)
  }
})
