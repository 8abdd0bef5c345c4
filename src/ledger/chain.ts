import type { KeyObject } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { failure } from '../errors.ts'
import { type Head, headIsSound, type readHead } from './head.ts'
import { fingerprint } from './key.ts'
import { genesis, hashOf, type LedgerRecord, recordIsSound, recordSchema } from './record.ts'
import { rowsFrom } from './storage.ts'

/** The head when it may be relied on. @throws LEDGER_DAMAGED */
export function trustedHead(directory: string, head: ReturnType<typeof readHead>, key: KeyObject): Head {
  if (head === 'missing' || head === 'unreadable') throw damaged(directory, `ledger.head is ${head}`)
  if (!headIsSound(head, key)) throw damaged(directory, 'ledger.head is not signed with the key of this ledger')
  return head
}

/**
 * The records that were committed after the head was last replaced: what a crash between the two left. Each must be signed
 * and follow the one before. Reads the tail only.
 * @throws LEDGER_DAMAGED when the tail does not join the head, a cut one included.
 */
export function recordsAfter(directory: string, database: DatabaseSync, head: Head, key: KeyObject): LedgerRecord[] {
  let last = { sequence: head.count, hash: head.hash }
  const later: LedgerRecord[] = []
  let headFound = head.count === 0 && head.hash === genesis(fingerprint(key))
  for (const row of rowsFrom(database, Math.max(1, head.count))) {
    const record = recordSchema.safeParse(row).data
    if (!record || !recordIsSound(record, key)) throw damaged(directory, `record ${last.sequence + 1} is not as signed`)
    if (record.sequence === head.count) {
      if (record.hash !== head.hash) throw damaged(directory, `record ${record.sequence} is not the one the head names`)
      headFound = true
      continue
    }
    if (record.sequence !== last.sequence + 1 || record.previous !== last.hash) {
      throw damaged(directory, `record ${record.sequence} does not follow record ${last.sequence}`)
    }
    later.push(record)
    last = record
  }
  if (!headFound) throw damaged(directory, `record ${head.count}, the last one acknowledged, is missing`)
  return later
}

/**
 * Every record, once the whole chain has been walked from its first to the signed head. A sound chain under a sound head needs no look at the single
 * signatures, so that this is quick enough for every reading.
 * @param found the head as it was read before the rows.
 * @throws LEDGER_DAMAGED at the first record that does not fit.
 */
export function intactRecords(
  directory: string,
  rows: readonly unknown[],
  found: ReturnType<typeof readHead>,
  key: KeyObject,
): LedgerRecord[] {
  const head = trustedHead(directory, found, key)
  const records: LedgerRecord[] = []
  let last = { sequence: 0, hash: genesis(fingerprint(key)) }
  for (const row of rows) {
    const record = recordSchema.safeParse(row).data
    const expected = last.sequence + 1
    if (!record || record.sequence !== expected || record.previous !== last.hash || hashOf(record) !== record.hash) {
      throw damaged(directory, `record ${expected} is not as it was written`)
    }
    if (record.sequence === head.count && record.hash !== head.hash) {
      throw damaged(directory, `record ${expected} is not the one the head names`)
    }
    if (record.sequence > head.count && !recordIsSound(record, key)) {
      throw damaged(directory, `record ${expected} is not signed with the key of this ledger`)
    }
    records.push(record)
    last = record
  }
  if (last.sequence < head.count) throw damaged(directory, `records ${last.sequence + 1} to ${head.count} are missing`)
  return records
}

export function damaged(directory: string, problem: string): Error {
  return failure('LEDGER_DAMAGED', { directory, problem })
}
