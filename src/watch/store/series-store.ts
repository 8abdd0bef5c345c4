import { whileLocked } from '../../synced-file.ts'
import type { Labels, Sample, SampleSink, SeriesSource } from '../series.ts'
import { writeChunks } from './chunks.ts'
import { type SeriesIndex, seriesIndex } from './known-series.ts'
import { type Followed, follow, nothingFollowed, progressOf } from './load.ts'
import { retain } from './retain.ts'
import { type NumberedSample, writeRecord } from './scrape-record.ts'
import { selectSpans } from './select.ts'
import { letGo, openToRead, openToWrite } from './storage.ts'

/** After so long in memory and the journal, samples go into chunks. */
const chunkMs = 3_600_000

/** Series on the disk of this machine, so that what is watched can be down. */
export interface SeriesStore extends SeriesSource, SampleSink {
  /** How many series are known, and how many samples were refused since opening because they were not newer than the last. */
  counts(): { series: number; refused: number }
  close(): void
}

/**
 * Opens the store for its one writer. What was appended is on the disk when `append` returns: a kill loses at most what was being
 * appended. Moments are whole milliseconds; a fraction is cut off.
 * @param keepMs how long samples are kept, counted from the newest; older ones go as new ones come.
 * @throws SERIES_STORE_HELD
 */
export function openSeriesStore(directory: string, keepMs: number): SeriesStore {
  const database = openToWrite(directory)
  const index = seriesIndex()
  let followed = follow(database, index, nothingFollowed)
  let refused = 0
  let oldestMs = Infinity
  for (const { timesMs } of index.all()) oldestMs = Math.min(oldestMs, timesMs[0] ?? Infinity)

  const addSeries = database.prepare('INSERT INTO series (labels) VALUES (?)')
  const addRecord = database.prepare('INSERT INTO journal (record) VALUES (?)')
  const addEnd = database.prepare('INSERT INTO ends (series, at) VALUES (?, ?)')

  const cutChunks = (newestMs: number) => {
    const removed = whileLocked(database, () => {
      writeChunks(database, index.all())
      database.exec('DELETE FROM journal')
      database.prepare('UPDATE progress SET rounds = rounds + 1, until = max(until, ?)').run(newestMs)
      return retain(database, index, newestMs - keepMs)
    })
    for (const series of removed) index.remove(series)
    for (const series of index.all()) {
      series.timesMs = []
      series.values = []
      series.endedAtMs = series.endedAtMs.filter((at) => at > newestMs - keepMs)
    }
    followed = { ...followed, chunksUntilMs: Math.max(followed.chunksUntilMs, newestMs) }
    oldestMs = Infinity
  }

  const append = (samples: readonly Sample[]) => {
    const added: NumberedSample[] = []
    const taken = new Map<number, number>()
    const fresh: { id: number; labels: Labels }[] = []
    const freshByKey = new Map<string, number>()
    whileLocked(database, () => {
      for (const { labels: given, atMs, value } of samples) {
        const labels = presentLabels(given)
        const known = index.byLabels(labels)
        let id = known?.id
        if (id === undefined) {
          const text = labelsText(labels)
          id = freshByKey.get(text)
          if (id === undefined) {
            id = Number(addSeries.run(text).lastInsertRowid)
            fresh.push({ id, labels })
            freshByKey.set(text, id)
          }
        }
        const at = Math.floor(atMs)
        if (!(at > (taken.get(id) ?? known?.lastMs ?? -Infinity))) {
          refused += 1
          continue
        }
        taken.set(id, at)
        added.push({ series: id, atMs: at, value })
      }
      if (added.length > 0) addRecord.run(writeRecord(added))
    })
    // Memory follows the file, never the other way: a failed append leaves no trace.
    for (const { id, labels } of fresh) index.add(id, labels, -Infinity)
    let newestMs = -Infinity
    for (const { series: id, atMs, value } of added) {
      const series = index.byId(id)
      if (!series) continue
      series.timesMs.push(atMs)
      series.values.push(value)
      series.lastMs = atMs
      oldestMs = Math.min(oldestMs, atMs)
      newestMs = Math.max(newestMs, atMs)
    }
    if (newestMs - oldestMs >= chunkMs) cutChunks(newestMs)
  }

  return {
    append,
    end: (labels, atMs) => {
      const at = Math.floor(atMs)
      const known = labels
        .flatMap((each) => index.byLabels(each) ?? [])
        .filter((each) => !(lastOf(each.endedAtMs) >= at))
      if (known.length === 0) return
      whileLocked(database, () => {
        for (const { id } of known) addEnd.run(id, at)
      })
      for (const series of known) series.endedAtMs.push(at)
    },
    select: (matchers, afterMs, untilMs) =>
      selectSpans(database, index, followed.chunksUntilMs, matchers, afterMs, untilMs),
    counts: () => ({ series: index.size(), refused }),
    close: () => letGo(database),
  }
}

/**
 * Opens the store to read only, beside whoever writes it. Every selection sees what was acknowledged before it.
 * @throws SERIES_STORE_MISSING
 */
export function readSeriesStore(directory: string): SeriesSource & { close(): void } {
  const database = openToRead(directory)
  let index: SeriesIndex = seriesIndex()
  let followed: Followed = nothingFollowed
  return {
    select: (matchers, afterMs, untilMs) => {
      database.exec('BEGIN')
      try {
        if (progressOf(database).rounds !== followed.rounds) {
          index = seriesIndex()
          followed = nothingFollowed
        }
        followed = follow(database, index, followed)
        return selectSpans(database, index, followed.chunksUntilMs, matchers, afterMs, untilMs)
      } catch (error) {
        // What was read half is read anew the next time.
        index = seriesIndex()
        followed = nothingFollowed
        throw error
      } finally {
        database.exec('ROLLBACK')
      }
    },
    close: () => database.close(),
  }
}

function lastOf(moments: readonly number[]): number {
  return moments.at(-1) ?? -Infinity
}

/** A label without a value is not there. */
function presentLabels(labels: Labels): Labels {
  for (const name in labels) {
    if (labels[name] === '') return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''))
  }
  return labels
}

function labelsText(labels: Labels): string {
  return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))))
}
