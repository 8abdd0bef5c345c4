import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { KnownSeries } from './known-series.ts'
import { packNumbers, unpackNumbers } from './packed-numbers.ts'

/** A stretch of one series. */
export interface Stretch {
  timesMs: Float64Array
  values: Float64Array
}

/** Puts what is in memory of every series into chunks. Whoever calls holds the write transaction. */
export function writeChunks(database: DatabaseSync, all: Iterable<KnownSeries>): void {
  const addMoments = database.prepare('INSERT INTO moments (until, packed) VALUES (?, ?)')
  const addChunk = database.prepare('INSERT INTO chunks (series, since, until, moments, packed) VALUES (?, ?, ?, ?, ?)')
  const shared = new Map<string, number>()
  for (const { id, timesMs, values } of all) {
    const [since] = timesMs
    const until = timesMs.at(-1)
    if (since === undefined || until === undefined) continue
    const packed = packNumbers(timesMs)
    const key = Buffer.from(packed).toString('latin1')
    let moments = shared.get(key)
    if (moments === undefined) {
      moments = Number(addMoments.run(until, packed).lastInsertRowid)
      shared.set(key, moments)
    }
    addChunk.run(id, since, until, moments, packNumbers(values))
  }
}

const momentsRow = z.tuple([z.instanceof(Uint8Array)])

/** Reads the chunks of one series after another; moments that they share are unpacked once. */
export function chunkReader(database: DatabaseSync): (series: number, afterMs: number, untilMs: number) => Stretch[] {
  const find = database.prepare(
    'SELECT moments, packed FROM chunks WHERE series = ? AND until > ? AND since <= ? ORDER BY until',
  )
  const findMoments = database.prepare('SELECT packed FROM moments WHERE id = ?')
  find.setReturnArrays(true)
  findMoments.setReturnArrays(true)
  const unpacked = new Map<number, Float64Array>()
  const momentsOf = (id: number): Float64Array => {
    const known = unpacked.get(id)
    if (known) return known
    const [packed] = momentsRow.parse(findMoments.get(id))
    const times = unpackNumbers(packed)
    unpacked.set(id, times)
    return times
  }
  return (series, afterMs, untilMs) =>
    find.all(series, afterMs, untilMs).map((row) => {
      // By hand: a query reads ten thousands of these.
      const [moments, packed] = Object.values(row)
      if (typeof moments !== 'number' || !(packed instanceof Uint8Array)) throw new TypeError('a chunk is damaged')
      return { timesMs: momentsOf(moments), values: unpackNumbers(packed) }
    })
}
