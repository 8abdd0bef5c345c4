import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { fitRtoCurve, projectRestore, type RtoCurve, type TimedRestore } from './rto-curve.ts'

const gigabyte = 1e9
const size = fc.integer({ min: 1, max: 4_000 }).map((megabytes) => megabytes * 1e6)
const restores = fc.array(fc.record({ bytes: size, ms: fc.integer({ min: 1, max: 600_000 }) }), { maxLength: 8 })

function misses(line: { fixedMs: number; msPerByte: number }, of: readonly TimedRestore[]): number {
  return of.reduce((sum, { bytes, ms }) => sum + (ms - line.fixedMs - line.msPerByte * bytes) ** 2, 0)
}

function fit(of: readonly TimedRestore[]): RtoCurve {
  const curve = fitRtoCurve(of)
  assert.ok(curve)
  return curve
}

suite('RTO curve', () => {
  test('measurements on a line give that line, without a residual', () => {
    const curve = fit(
      [0.5, 1, 2, 4].map((gigabytes) => ({ bytes: gigabytes * gigabyte, ms: 3_000 + 2_500 * gigabytes })),
    )
    assert.ok(Math.abs(curve.fixedMs - 3_000) < 1e-6)
    assert.ok(Math.abs(curve.msPerByte * gigabyte - 2_500) < 1e-6)
    assert.ok(curve.residualMs < 1e-6)
    assert.deepEqual([curve.samples, curve.sizes, curve.largestBytes], [4, 4, 4 * gigabyte])
    const projected = projectRestore(curve, 40 * gigabyte)
    assert.ok(Math.abs(projected.ms - 103_000) < 1e-3)
    assert.equal(projected.beyond, 10)
  })

  test('fewer than three sizes give no curve, however often they were measured', () => {
    fc.assert(
      fc.property(restores, (measured) => {
        const sizes = new Set(measured.map(({ bytes }) => bytes)).size
        assert.equal(fitRtoCurve(measured) === undefined, sizes < 3)
      }),
    )
  })

  test('no line without a negative part misses less, wherever the measurements lie', () => {
    const line = fc.record({
      fixedMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
      perGigabyte: fc.integer({ min: 0, max: 1e6 }),
    })
    fc.assert(
      fc.property(restores, line, (measured, { fixedMs, perGigabyte }) => {
        const curve = fitRtoCurve(measured)
        if (!curve) return
        assert.ok(curve.fixedMs >= 0 && curve.msPerByte >= 0)
        const least = misses(curve, measured)
        const candidates = [
          { fixedMs, msPerByte: perGigabyte / gigabyte },
          // Near the line as well, where another choice of bounds would win.
          { fixedMs: Math.max(0, curve.fixedMs + fixedMs - 5e5), msPerByte: curve.msPerByte },
          { fixedMs: curve.fixedMs, msPerByte: curve.msPerByte * (fixedMs / 5e5) },
        ]
        for (const candidate of candidates) assert.ok(misses(candidate, measured) >= least * (1 - 1e-9) - 1e-3)
        assert.ok(Math.abs(curve.residualMs - Math.sqrt(least / measured.length)) < 1e-3)
      }),
      { numRuns: 500 },
    )
  })

  test('a larger database is never projected to be restored faster', () => {
    fc.assert(
      fc.property(restores, size, size, (measured, one, other) => {
        const curve = fitRtoCurve(measured)
        if (!curve) return
        const [small, large] = [Math.min(one, other), Math.max(one, other)]
        assert.ok(projectRestore(curve, small).ms <= projectRestore(curve, large).ms)
      }),
    )
  })
})
