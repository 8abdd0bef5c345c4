import { hashOf, type LedgerRecord } from './record.ts'

/** What can be wrong with a single record; `LedgerProblemKind` explains each. */
export type RecordFaultKind = 'edited' | 'removed' | 'cut' | 'moved' | 'inserted' | 'unlinked'

export interface RecordFault {
  what: RecordFaultKind
  sequence: number
  /** Continues a sentence that begins with the record. */
  says: string
}

/** A row and the record it holds; `record` is undefined when it does not even have the shape of one. */
export interface Row {
  sequence: number
  record: LedgerRecord | undefined
}

/**
 * Names each row that is not as it was signed, each record that is nowhere, and each that does not follow the one before.
 * @param rows in the order of their numbers.
 * @param count how many records there must be; undefined when no trustworthy head says so.
 * @param first what record 1 must follow; undefined when the key is not known to be the right one.
 */
export function findRecordFaults(
  rows: readonly Row[],
  count: number | undefined,
  first: string | undefined,
  isSound: (record: LedgerRecord) => boolean,
): RecordFault[] {
  const sound = new Map<number, LedgerRecord>()
  for (const { sequence, record } of rows) if (record && isSound(record)) sound.set(sequence, record)
  // Only numbers that a head or a signature vouches for: a forged row may carry any.
  const end = Math.max(count ?? 0, ...sound.keys())
  const faults: RecordFault[] = []
  const accounted = new Set(sound.keys())

  for (const { sequence, record } of rows) {
    if (sound.has(sequence)) continue
    const origin = record && originOf(record, end, isSound)
    if (origin !== undefined && sound.has(origin)) {
      faults.push({ what: 'inserted', sequence, says: `is a copy of record ${origin}` })
    } else if (origin !== undefined) {
      accounted.add(origin)
      faults.push({ what: 'moved', sequence: origin, says: `was moved to number ${sequence}` })
    } else if (sequence >= 1 && (count === undefined || sequence <= end)) {
      accounted.add(sequence)
      faults.push({ what: 'edited', sequence, says: 'was edited' })
    } else {
      faults.push({ what: 'inserted', sequence, says: 'was never written: it was inserted' })
    }
  }

  const last = Math.max(0, ...rows.map(({ sequence }) => (sequence <= end ? sequence : 0)))
  for (let sequence = 1; sequence <= end; sequence++) {
    if (accounted.has(sequence)) continue
    if (sequence > last) faults.push({ what: 'cut', sequence, says: 'was cut off the end' })
    else faults.push({ what: 'removed', sequence, says: 'was removed' })
  }

  for (const [sequence, { previous }] of sound) {
    const expected = sequence === 1 ? first : sound.get(sequence - 1)?.hash
    // When the one before is not sound it is named itself.
    if (expected !== undefined && previous !== expected) {
      faults.push({
        what: 'unlinked',
        sequence,
        says: 'does not follow the record before it: two histories were joined',
      })
    }
  }
  return faults.sort((a, b) => a.sequence - b.sequence)
}

/** The number under which a row's content was signed, if under any. The hash tells before a signature need be checked. */
function originOf(record: LedgerRecord, end: number, isSound: (record: LedgerRecord) => boolean): number | undefined {
  for (let sequence = 1; sequence <= end; sequence++) {
    const candidate = { ...record, sequence }
    if (hashOf(candidate) === record.hash) return isSound(candidate) ? sequence : undefined
  }
  return undefined
}
