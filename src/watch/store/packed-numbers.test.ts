import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { packNumbers, unpackNumbers } from './packed-numbers.ts'

const comesBack = (values: readonly number[]) => assert.deepEqual([...unpackNumbers(packNumbers(values))], values)

describe('packed numbers', () => {
  test('any numbers come back, the odd ones too', () => {
    fc.assert(fc.property(fc.array(fc.double(), { maxLength: 300 }), comesBack))
    comesBack([Number.NaN, -0, 0, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE])
    comesBack([])
  })

  test('a counter that is reset comes back', () => {
    const growths = fc.array(fc.oneof(fc.nat(), fc.constant(0), fc.constant(-1)), { maxLength: 300 })
    fc.assert(
      fc.property(growths, (steps) => {
        let value = 0
        comesBack(
          steps.map((step) => {
            value = step === -1 ? 0 : value + step
            return value
          }),
        )
      }),
    )
  })

  test('decimals of any places come back, at the edge of what is exact too', () => {
    const decimal = fc
      .tuple(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: 0, max: 9 }))
      .map(([whole, places]) => whole / 10 ** places + 0)
    fc.assert(fc.property(fc.array(decimal), comesBack))
    const edge = fc.constantFrom(2 ** 49, -(2 ** 49), 2 ** 49 + 1, 2 ** 53, -(2 ** 53), 2 ** 60, 0.1, 1e-7)
    fc.assert(fc.property(fc.array(edge), comesBack))
  })

  test('moments of a steady pace take next to nothing, those that tremble a byte or two', () => {
    const steady = Array.from({ length: 240 }, (_, index) => 1_780_000_000_000 + index * 15_000)
    assert.ok(packNumbers(steady).length < 20)
    assert.ok(packNumbers(steady.map((at, index) => at + ((index * 7) % 5))).length < 2 * 240)
  })

  test('bytes that were cut short are refused', () => {
    const values = Array.from({ length: 50 }, (_, index) => Math.sqrt(index))
    const packed = packNumbers(values)
    assert.throws(() => unpackNumbers(packed.slice(0, -1)), RangeError)
  })
})
