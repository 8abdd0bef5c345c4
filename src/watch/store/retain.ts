import type { DatabaseSync } from 'node:sqlite'
import type { KnownSeries, SeriesIndex } from './known-series.ts'

/**
 * Removes what ended up to and with `untilMs`, and series of which nothing is left. Whoever calls holds the write transaction.
 * @returns the series that are gone.
 */
export function retain(database: DatabaseSync, index: SeriesIndex, untilMs: number): KnownSeries[] {
  // Series by series, by the index: a walk over the whole table would read all that is kept.
  const remove = database.prepare('DELETE FROM chunks WHERE series = ? AND until <= ?')
  const forget = database.prepare('DELETE FROM series WHERE id = ?')
  const gone: KnownSeries[] = []
  for (const series of index.all()) {
    remove.run(series.id, untilMs)
    if (series.lastMs > untilMs) continue
    forget.run(series.id)
    gone.push(series)
  }
  database.prepare('DELETE FROM moments WHERE until <= ?').run(untilMs)
  database.prepare('DELETE FROM ends WHERE at <= ?').run(untilMs)
  return gone
}
