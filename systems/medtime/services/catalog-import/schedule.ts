import type { Source } from './source.ts'

/*
 * When each source is to be taken in. The plan's language has no place for work of a system that is done by the calendar, so that it
 * stands here; what was done when stands in srv_catalog_sources.
 */

/** BACKEND-ARCH-001 §5.3.1; what it does not name follows what it belongs to. */
export const schedule: Readonly<Record<Source, 'every week' | 'every month' | 'every day'>> = {
  rxnorm: 'every week',
  ema: 'every month',
  cofepris: 'every month',
  'cofepris-lists': 'every month',
  'ema-rxnorm': 'every month',
  'drugs-at-fda': 'every week',
  // It comes with a release of this repository: looking for it costs nothing.
  starter: 'every day',
}

const dayMs = 86_400_000

/** When a source is due again after it was looked at, in UTC. Missed times are not counted: it is simply due since then. */
export function dueAt(source: Source, checkedAt: Date): Date {
  const every = schedule[source]
  if (every === 'every day') return new Date(checkedAt.getTime() + dayMs)
  if (every === 'every week') return new Date(checkedAt.getTime() + 7 * dayMs)
  const next = new Date(checkedAt)
  const day = next.getUTCDate()
  next.setUTCMonth(next.getUTCMonth() + 1, 1)
  const lastDay = new Date(Date.UTC(next.getUTCFullYear(), next.getUTCMonth() + 1, 0)).getUTCDate()
  next.setUTCDate(Math.min(day, lastDay))
  return next
}

/** The sources that are due, those never taken in included. */
export function dueSources(checkedAt: ReadonlyMap<string, Date>, now: Date): Source[] {
  const all: Source[] = ['starter', 'ema', 'rxnorm', 'cofepris', 'cofepris-lists', 'ema-rxnorm', 'drugs-at-fda']
  return all.filter((source) => {
    const last = checkedAt.get(source)
    return last === undefined || dueAt(source, last) <= now
  })
}
