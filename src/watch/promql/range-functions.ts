import { overTime, quantileOverTime } from './over-time.ts'
import { changes, extrapolated, instantChange, resets } from './rate.ts'
import { deriv, predictLinear } from './regression.ts'
import { eachAlone, type SeriesFunction } from './windows.ts'

const plain: Readonly<Record<string, SeriesFunction>> = {
  ...overTime,
  rate: extrapolated(true, true),
  increase: extrapolated(true, false),
  delta: extrapolated(false, false),
  irate: eachAlone(instantChange(true)),
  idelta: eachAlone(instantChange(false)),
  deriv: eachAlone(deriv),
  changes,
  resets,
  // What has samples; `absence` then turns it around.
  absent_over_time: eachAlone(() => 1),
}

/** The function of that name over the window of a range; `paramAt` gives its scalar at a step. */
export function rangeFunction(name: string, paramAt: (step: number) => number): SeriesFunction | undefined {
  if (name === 'predict_linear') return eachAlone(predictLinear(paramAt))
  if (name === 'quantile_over_time') return quantileOverTime(paramAt)
  return plain[name]
}
