/** A restore that was carried out: from the first byte read to a server that takes writes. */
export interface TimedRestore {
  /** Size of the database. */
  bytes: number
  ms: number
}

/** Time of a restore as a straight line over the size of the database; no part of it is negative. */
export interface RtoCurve {
  /** What a restore takes whatever its size. */
  fixedMs: number
  msPerByte: number
  /** Root mean square of what the line misses the measurements by. */
  residualMs: number
  samples: number
  /** Sizes that differ; at least `fewestSizes`. */
  sizes: number
  largestBytes: number
}

/** What a curve says of a size. */
export interface RtoProjection {
  bytes: number
  ms: number
  /** How many times larger than the largest size that was measured; 1 and less lies within. */
  beyond: number
}

/** Through two points any line fits; from the third on the residual says whether it is one. */
export const fewestSizes = 3

/**
 * Fits the line that misses the measurements least (least squares), with neither a negative fixed part nor a negative slope: a larger
 * database is never restored faster, and none in less than no time.
 * @returns undefined for measurements of fewer than three sizes, which no curve can be drawn through.
 */
export function fitRtoCurve(restores: readonly TimedRestore[]): RtoCurve | undefined {
  const sizes = new Set(restores.map(({ bytes }) => bytes)).size
  if (sizes < fewestSizes) return undefined
  const meanBytes = mean(restores.map(({ bytes }) => bytes))
  const meanMs = mean(restores.map(({ ms }) => ms))
  const slope = ratio(
    restores,
    (each) => each.bytes - meanBytes,
    (each) => each.ms - meanMs,
  )
  const free = { fixedMs: meanMs - slope * meanBytes, msPerByte: slope }
  const line =
    free.msPerByte < 0
      ? { fixedMs: meanMs, msPerByte: 0 }
      : free.fixedMs < 0
        ? {
            fixedMs: 0,
            msPerByte: ratio(
              restores,
              (each) => each.bytes,
              (each) => each.ms,
            ),
          }
        : free
  const misses = restores.map(({ bytes, ms }) => (ms - line.fixedMs - line.msPerByte * bytes) ** 2)
  return {
    ...line,
    residualMs: Math.sqrt(mean(misses)),
    samples: restores.length,
    sizes,
    largestBytes: Math.max(...restores.map(({ bytes }) => bytes)),
  }
}

/** How long a restore of so many bytes takes when the curve goes on as it was measured. */
export function projectRestore(curve: RtoCurve, bytes: number): RtoProjection {
  return { bytes, ms: curve.fixedMs + curve.msPerByte * bytes, beyond: bytes / curve.largestBytes }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Slope of the best line through the origin of two measures. */
function ratio<T>(of: readonly T[], x: (each: T) => number, y: (each: T) => number): number {
  let products = 0
  let squares = 0
  for (const each of of) {
    products += x(each) * y(each)
    squares += x(each) ** 2
  }
  return squares === 0 ? 0 : products / squares
}
