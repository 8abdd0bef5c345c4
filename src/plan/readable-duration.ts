/**
 * A measured time for reading, to about three figures: '12.3ms', '9.5s', '4m 12s', '2h 5m', '3d 4h'. It does not parse back; a time that a plan
 * names is written by `formatDuration`.
 */
export function readableMs(ms: number): string {
  if (ms < 1_000 && Number(ms.toPrecision(3)) < 1_000) return `${Number(ms.toPrecision(3))}ms`
  if (ms < 60_000 && Number((ms / 1_000).toPrecision(3)) < 60) return `${Number((ms / 1_000).toPrecision(3))}s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 3_600) return both(seconds, 60, 'm', 's')
  const minutes = Math.round(ms / 60_000)
  if (minutes < 2_880) return both(minutes, 60, 'h', 'm')
  return both(Math.round(ms / 3_600_000), 24, 'd', 'h')
}

function both(count: number, ofLarge: number, large: string, small: string): string {
  const rest = count % ofLarge
  return `${Math.floor(count / ofLarge)}${large}${rest === 0 ? '' : ` ${rest}${small}`}`
}
