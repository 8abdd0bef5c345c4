import { type Head, readHead } from './head.ts'

/** A head, and rows that are at least as new as it is. */
export interface Moment<Rows> {
  head: Head | 'missing' | 'unreadable'
  rows: Rows
}

/**
 * Reads the head, then the rows: those may run ahead of the head while others append, and would seem cut beside one that is newer.
 * Of a ledger without a head that has one after its rows were read, the first append came in between; it is read once more. A
 * head is never taken away again, so that the second reading has one.
 */
export function readMoment<Rows>(directory: string, readRows: () => Rows): Moment<Rows> {
  const head = readHead(directory)
  const rows = readRows()
  if (head === 'missing' && readHead(directory) !== 'missing') return readMoment(directory, readRows)
  return { head, rows }
}
