import { formatDuration } from '../../../plan/units.ts'
import type { Samples } from './samples.ts'

/** What is known of a budget at a moment; amounts in its currency. */
export interface SpendFigures {
  /** Of the calendar month, today included. */
  month: number
  /** Of the whole month: what is spent, and for the days that are left what the last seven cost; undefined before three full days are known. */
  forecast: number | undefined
  /** The newest full day, or today where that is already more. */
  day: number
  /** The mean of up to 30 days before the newest full one; undefined before seven of them are known. */
  usualDay: number | undefined
  /** By item, of the calendar month. */
  items: ReadonlyMap<string, number>
}

const dayMs = 86_400_000
const forecastDays = 7
const leastForecastDays = 3
const usualDays = 30
const leastUsualDays = 7

/**
 * What samples come to. A day between the first and the newest that is not told of cost nothing.
 * @throws when the newest day is older than `freshForMs`, or yet to come.
 */
export function spendFigures(
  { days }: Samples,
  { nowMs, timeZone, freshForMs }: { nowMs: number; timeZone: string; freshForMs: number },
): SpendFigures {
  const today = dateAt(nowMs, timeZone)
  const month = today.slice(0, 7)
  const byDate = new Map<string, number>()
  const items = new Map<string, number>()
  for (const { date, item, amount } of days) {
    byDate.set(date, (byDate.get(date) ?? 0) + amount)
    if (item !== undefined) items.set(item, (items.get(item) ?? 0) + (date.startsWith(month) ? amount : 0))
  }
  const dates = [...byDate.keys()].sort()
  const first = dates[0] ?? today
  const newest = dates.at(-1) ?? today
  if (newest > today) throw new Error(`it tells of ${newest}, which is yet to come`)
  if (ordinal(today) - ordinal(newest) > freshForMs / dayMs)
    throw new Error(`its newest day is ${newest}, older than ${formatDuration(freshForMs)}`)
  /** What each of up to `count` days cost that end with a day, as far as anything is known of them. */
  const until = (last: number, count: number): number[] => {
    const from = Math.max(ordinal(first), last - count + 1)
    return Array.from({ length: Math.max(0, last - from + 1) }, (_, index) => byDate.get(dateOf(from + index)) ?? 0)
  }
  const lastFull = newest === today ? ordinal(today) - 1 : ordinal(newest)
  const spent = sum(dates.filter((date) => date.startsWith(month)).map((date) => byDate.get(date) ?? 0))
  const spentFully = sum(
    dates.filter((date) => date.startsWith(month) && ordinal(date) <= lastFull).map((date) => byDate.get(date) ?? 0),
  )
  const recent = until(lastFull, forecastDays)
  const before = until(lastFull - 1, usualDays)
  const left = lastOrdinal(month) - Math.max(lastFull, ordinal(`${month}-01`) - 1)
  return {
    month: cents(spent),
    forecast:
      recent.length < leastForecastDays
        ? undefined
        : cents(Math.max(spent, spentFully + (sum(recent) / recent.length) * left)),
    day: cents(Math.max(byDate.get(dateOf(lastFull)) ?? 0, byDate.get(today) ?? 0)),
    usualDay: before.length < leastUsualDays ? undefined : cents(sum(before) / before.length),
    items: new Map([...items].map(([item, amount]) => [item, cents(amount)])),
  }
}

/** The day a moment belongs to in a zone, as 2026-02-03. */
export function dateAt(ms: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(ms)
}

/** Days since 1970-01-01. */
function ordinal(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / dayMs
}

function dateOf(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}

function lastOrdinal(month: string): number {
  const [year = 0, number = 0] = month.split('-').map(Number)
  return Date.UTC(year, number, 0) / dayMs
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0)
}

/** To a millionth, so that sums of cents come to what they do on paper. */
function cents(amount: number): number {
  return Math.round(amount * 1e6) / 1e6
}
