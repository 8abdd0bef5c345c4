import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readableMs } from './readable-duration.ts'

test('a measured time is told in what people count in, and never as sixty of the smaller', () => {
  const told: [number, string][] = [
    [0, '0ms'],
    [0.5, '0.5ms'],
    [12.345, '12.3ms'],
    [999.7, '1s'],
    [9_500, '9.5s'],
    [59_970, '1m'],
    [95_950, '1m 36s'],
    [119_600, '2m'],
    [252_000, '4m 12s'],
    [3_599_900, '1h'],
    [7_500_000, '2h 5m'],
    [90_000_000, '25h'],
    [273_600_000, '3d 4h'],
  ]
  for (const [ms, text] of told) assert.equal(readableMs(ms), text, String(ms))
})
