import { dateAt } from '../../watch/scrape/spend/figures.ts'

/*
 * Bills that bring one figure of a budget to its bound: every day costs the same for a while, then one day costs more. What the figures come to is
 * reckoned here from that alone, not by what is under test.
 */

/** An entry of a bill, as samples have it. */
export interface Entry {
  date: string
  amount: number
  item?: string
}

/** A month that is lived through. */
export interface BilledMonth {
  /** Its first day, as 2026-02-01. */
  first: string
  days: number
  /** What a day costs that is like the others. */
  ordinary: number
}

/** What an alert on a budget looks at. */
export type Figure = 'month' | 'forecast' | 'day' | 'item'

/** The day of the month that costs more. */
const dearDay = 10
const dayMs = 86_400_000
const historyDays = 40

/** The first whole month after a moment. @param ordinaryOf what a day costs in a month of so many days. */
export function monthAfter(ms: number, timeZone: string, ordinaryOf: (days: number) => number): BilledMonth {
  const [year = 0, month = 0] = dateAt(ms, timeZone).split('-').map(Number)
  const days = (Date.UTC(year, month + 1, 1) - Date.UTC(year, month, 1)) / dayMs
  return {
    first: dateAfter(`${year}-${String(month).padStart(2, '0')}-01`, lengthOf(year, month)),
    days,
    ordinary: ordinaryOf(days),
  }
}

/** The bill as it is known on a date: every day from well before the month until then, one of them with something more. */
export function billOn(month: BilledMonth, today: string, more: { amount: number; item: string | undefined }): Entry[] {
  const bill: Entry[] = []
  for (let at = -historyDays; ; at++) {
    const date = dateAfter(month.first, at)
    if (date > today) return bill
    bill.push({ date, amount: month.ordinary })
    if (at === dearDay - 1) bill.push({ date, amount: more.amount, ...(more.item && { item: more.item }) })
  }
}

/** What the dear day must cost more for a figure to be at a bound, and the first and last date at which it is there. */
export function dearer(
  figure: Figure,
  month: BilledMonth,
  bound: number,
): { amount: number; from: string; until: string } {
  const { days, ordinary, first } = month
  const on = (day: number) => dateAfter(first, day - 1)
  switch (figure) {
    case 'month':
      // Every day adds to it, so that it is at its highest on the last.
      return { amount: bound - ordinary * days, from: on(days), until: on(days) }
    case 'item':
      return { amount: bound, from: on(dearDay), until: on(days) }
    case 'day':
      // It is the newest full day on the day after.
      return { amount: bound - ordinary, from: on(dearDay), until: on(dearDay + 1) }
    case 'forecast':
      // Once it is over it is one of the seven that every day left is reckoned by; with each day that passes one less is left.
      return {
        amount: (bound - ordinary * days) / (1 + (days - dearDay) / 7),
        from: on(dearDay + 1),
        until: on(dearDay + 1),
      }
  }
}

export function dateAfter(date: string, days: number): string {
  return new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10)
}

function lengthOf(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}
