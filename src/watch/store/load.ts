import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { SeriesIndex } from './known-series.ts'
import { readRecord } from './scrape-record.ts'

/** How far the index in memory has followed the file. */
export interface Followed {
  series: number
  journal: number
  ends: number
  /** How often chunks were cut: with each the journal begins anew and series may go, and so must an index that follows. */
  rounds: number
  /** Newest moment in any chunk. */
  chunksUntilMs: number
}

export const nothingFollowed: Followed = { series: 0, journal: 0, ends: 0, rounds: 0, chunksUntilMs: -Infinity }

const labelsSchema = z.record(z.string(), z.string())
const progressSchema = z.object({ rounds: z.int(), until: z.int() })
const seriesRow = z.object({ id: z.int(), labels: z.string(), last: z.int().nullable() })
const endRow = z.object({ id: z.int(), series: z.int(), at: z.int() })
const journalRow = z.object({ id: z.int(), record: z.instanceof(Uint8Array) })

/** How often chunks were cut, and up to where they reach. */
export function progressOf(database: DatabaseSync): { rounds: number; until: number } {
  return progressSchema.parse(database.prepare('SELECT rounds, until FROM progress').get())
}

/** Brings the index up to what the file holds. Whoever calls holds a transaction, so that all is of one moment. */
export function follow(database: DatabaseSync, index: SeriesIndex, before: Followed): Followed {
  const progress = progressOf(database)
  const followed = { ...before, rounds: progress.rounds, chunksUntilMs: progress.until }
  const newSeries = database.prepare(
    'SELECT id, labels, (SELECT max(until) FROM chunks WHERE series = s.id) AS last FROM series s WHERE id > ? ORDER BY id',
  )
  for (const row of newSeries.iterate(before.series)) {
    const { id, labels, last } = seriesRow.parse(row)
    index.add(id, labelsSchema.parse(JSON.parse(labels)), last ?? -Infinity)
    followed.series = id
  }
  for (const row of database.prepare('SELECT id, series, at FROM ends WHERE id > ? ORDER BY id').iterate(before.ends)) {
    const { id, series, at } = endRow.parse(row)
    index.byId(series)?.endedAtMs.push(at)
    followed.ends = id
  }
  for (const row of database
    .prepare('SELECT id, record FROM journal WHERE id > ? ORDER BY id')
    .iterate(before.journal)) {
    const { id, record } = journalRow.parse(row)
    readRecord(record, (number, atMs, value) => {
      const series = index.byId(number)
      if (!series) return
      series.timesMs.push(atMs)
      series.values.push(value)
      series.lastMs = atMs
    })
    followed.journal = id
  }
  return followed
}
