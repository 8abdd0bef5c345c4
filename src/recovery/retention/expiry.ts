import type { Keep } from './rules.ts'

const day = 86_400_000
/** More than any zone has ever moved its clocks. */
const longestShift = 26 * 3_600_000

/**
 * Whether something made at `madeAt` has been kept for its time. Whole days count both as 24 hours each and as days of the
 * calendar in the plan's zone: where the clocks were moved in between, what is kept "30 d" goes when both have passed, never earlier.
 */
export function hasExpired(madeAt: number, keep: Keep, now: number, timeZone: string): boolean {
  if (keep === 'forever' || now < madeAt + keep) return false
  if (keep % day !== 0 || now >= madeAt + keep + longestShift) return true
  return now >= expiresAt(madeAt, keep, timeZone)
}

/** The moment `hasExpired` becomes true. */
export function expiresAt(madeAt: number, keep: number, timeZone: string): number {
  const plain = madeAt + keep
  if (keep % day !== 0) return plain
  // The same time of day by the wall clock, read as if the zone were UTC, and brought back with the offset that holds then.
  const wall = plain + offsetAt(madeAt, timeZone)
  return Math.max(plain, wall - offsetAt(plain, timeZone))
}

/** The day and time of a moment on the wall clock of a zone: `2026-03-04 02:00`. */
export function wallTime(at: number, timeZone: string): string {
  return new Date(at + offsetAt(at, timeZone)).toISOString().slice(0, 16).replace('T', ' ')
}

/** How far the wall clock of a zone is ahead of UTC; milliseconds. */
function offsetAt(at: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0
  const parts = new Map(
    clockOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return wall - Math.floor(at / 1000) * 1000
}

const clocks = new Map<string, Intl.DateTimeFormat>()

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone)
  if (known) return known
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  clocks.set(timeZone, clock)
  return clock
}
