/** What a value, read as seconds since the epoch in UTC, says of its day. */
const parts: Readonly<Record<string, (date: Date) => number>> = {
  minute: (date) => date.getUTCMinutes(),
  hour: (date) => date.getUTCHours(),
  day_of_month: (date) => date.getUTCDate(),
  day_of_week: (date) => date.getUTCDay(),
  day_of_year: (date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1,
  days_in_month: (date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate(),
  month: (date) => date.getUTCMonth() + 1,
  year: (date) => date.getUTCFullYear(),
}

/** The function of that name over seconds since the epoch, if it is one of dates. */
export function dateFunction(name: string): ((seconds: number) => number) | undefined {
  const part = parts[name]
  return part && ((seconds) => part(new Date(Math.trunc(seconds) * 1000)))
}
