import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatBytes, formatDuration, parseBytes, parseDuration, parseRatio } from './units.ts'

test('durations are read in every unit', () => {
  const read = ['0', '250ms', '30s', '5m', '4h', '7d', '2w', '1y', '1.5h'].map(parseDuration)
  assert.deepEqual(read, [0, 250, 30_000, 300_000, 14_400_000, 604_800_000, 1_209_600_000, 31_536_000_000, 5_400_000])
})

test('what is not a duration is not guessed', () => {
  for (const text of ['', '4', 'h', '4 h', '-4h', '4H', '4h30m', '1e3s', ' 4h', '4h ', '٤h', '0.h']) {
    assert.equal(parseDuration(text), undefined, JSON.stringify(text))
  }
})

test('sizes are decimal unless they say binary', () => {
  const read = ['512B', '5MB', '1MiB', '40GB', '1.5KB', '2TiB'].map(parseBytes)
  assert.deepEqual(read, [512, 5_000_000, 1_048_576, 40_000_000_000, 1_500, 2_199_023_255_552])
  for (const text of ['', '5', '5mb', '5 MB', 'MB', '-5MB']) assert.equal(parseBytes(text), undefined, text)
})

test('percentages become ratios', () => {
  assert.equal(parseRatio('1%'), 0.01)
  assert.equal(parseRatio('99.9%'), 0.9990000000000001)
  for (const text of ['1', '%', '-1%', '1 %']) assert.equal(parseRatio(text), undefined, text)
})

test('a duration of whole units is formatted so that reading it gives the same', () => {
  const units = fc.constantFrom(1, 1_000, 60_000, 3_600_000, 86_400_000)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5_000 }), units, (count, unit) => {
      const ms = count * unit
      const text = formatDuration(ms)
      assert.equal(parseDuration(text), ms, text)
    }),
  )
})

test('any duration in milliseconds is formatted exactly or to one decimal of its unit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
      const read = parseDuration(formatDuration(ms))
      assert.ok(read !== undefined, `${formatDuration(ms)} cannot be read`)
      assert.ok(Math.abs(read - ms) <= ms * 0.05, `${ms} became ${read}`)
    }),
  )
})

test('bytes are formatted to three figures and can be read', () => {
  assert.equal(formatBytes(40_000_000_000), '40GB')
  assert.equal(formatBytes(1_048_576), '1.05MB')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 14 }), (bytes) => {
      const read = parseBytes(formatBytes(bytes))
      assert.ok(read !== undefined, `${formatBytes(bytes)} cannot be read`)
      assert.ok(Math.abs(read - bytes) <= bytes * 0.005 + 1, `${bytes} became ${read}`)
    }),
  )
})
