import type { KeyObject } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { messageOf } from '../errors.ts'
import { type Head, headIsSound } from './head.ts'
import { fingerprint, readKey, readPublicKey } from './key.ts'
import { readMoment } from './moment.ts'
import { nameOf, type RecordName, readNames } from './outline.ts'
import { genesis, hashOf, type LedgerRecord, recordIsSound, recordSchema } from './record.ts'
import { findRecordFaults, type RecordFaultKind, type Row } from './record-faults.ts'
import { everyRow, hasTable, ledgerExists, openForReading } from './storage.ts'

/**
 * What is wrong with a ledger.
 *
 * - `edited`: a record is not as it was signed. `removed`: one in the middle is gone. `cut`: the same at the end.
 * - `moved`: a sound record stands under another number. `inserted`: a record that was never written, or a copy of one.
 * - `unlinked`: a signed record does not follow the one before it; two histories were joined.
 * - `head`, `key`, `file`: the head, the key or SQLite's file itself.
 */
export type LedgerProblemKind = RecordFaultKind | 'head' | 'key' | 'file'

export interface LedgerProblem {
  what: LedgerProblemKind
  /** The record, and what it was about where that is still known. */
  sequence: number | null
  system: string | null
  guarantee: string | null
  at: string | null
  message: string
}

/** Everything that verifying a ledger tells. */
export interface LedgerState {
  records: number
  /** Hash of the last record. With its number it is worth noting elsewhere: see `known` of `inspectLedger`. */
  lastHash: string | null
  /** Fingerprint of the public key. */
  key: string | null
  problems: LedgerProblem[]
}

/** A record somebody noted outside of the ledger: its number and hash. */
export interface KnownRecord {
  sequence: number
  hash: string
}

/** Every problem of the ledger in a state folder; none when it is sound or there is no ledger yet. Changes nothing. */
export function verifyLedger(directory: string): LedgerProblem[] {
  return inspectLedger(directory).problems
}

/**
 * Verifies every record by itself, against its neighbours and against the head.
 * @param known records noted earlier: the only defence against somebody who holds the key and writes everything anew, or
 * puts an older copy of all files back.
 */
export function inspectLedger(directory: string, known: readonly KnownRecord[] = []): LedgerState {
  const { head, rows: read } = readMoment(directory, () => {
    // The outline names a record only once it is committed, and is read before the records.
    const names = readNames(directory)
    return { names, ...readRows(directory) }
  })
  const { names } = read
  const rows = read.rows.map(parseRow)
  const problems: LedgerProblem[] = []
  const report = (what: LedgerProblemKind, sequence: number | null, says: (subject: string) => string, row?: Row) => {
    const name = sequence === null ? undefined : (names.get(sequence) ?? (row?.record ? nameOf(row.record) : undefined))
    const { system = null, guarantee = null, at = null } = name ?? {}
    problems.push({ what, sequence, system, guarantee, at, message: says(subjectOf(sequence, name)) })
  }
  if (read.trouble !== undefined) report('file', null, () => `ledger.db is damaged: ${read.trouble}`)

  const beside = readPublicKey(directory)
  const own = readKey(directory)?.public
  const empty = head === 'missing' && rows.length === 0
  if (empty && names.size > 0)
    report('cut', null, () => 'the ledger is gone: its outline names records, and none is there')
  const key = chooseKey([beside, own], head)
  if (!key) {
    if (!empty) report('key', null, () => 'keys/ledger.pub and keys/ledger.key are missing or are no Ed25519 keys')
    return { records: rows.length, lastHash: rows.at(-1)?.record?.hash ?? null, key: null, problems }
  }
  if (beside && own && fingerprint(beside) !== fingerprint(own)) {
    report('key', null, () => 'keys/ledger.pub is not the public half of keys/ledger.key: one of them was exchanged')
  }

  const headSound = typeof head === 'object' && headIsSound(head, key)
  // No record and not the head fits: it is the key that is another one, not all of them that were edited.
  const exchanged =
    !headSound && rows.length > 0 && !rows.some(({ record }) => record !== undefined && recordIsSound(record, key))
  if (exchanged)
    report('key', null, () => 'neither head nor records are signed with keys/ledger.pub: the key was exchanged')
  else if (head === 'missing' && rows.length > 0) report('head', null, () => 'ledger.head is missing')
  else if (head === 'unreadable') report('head', null, () => 'ledger.head is not readable as a head')
  else if (typeof head === 'object' && !headSound)
    report('head', null, () => 'ledger.head is not signed with the key: it was forged')

  const isSound = (record: LedgerRecord) => (exchanged ? hashOf(record) === record.hash : recordIsSound(record, key))
  const count = headSound && typeof head === 'object' ? head.count : undefined
  const first = exchanged ? undefined : genesis(fingerprint(key))
  for (const { what, sequence, says } of findRecordFaults(rows, count, first, isSound)) {
    const row = rows.find((each) => each.sequence === sequence)
    report(what, sequence, (subject) => `${subject} ${says}`, row)
  }
  const last = count === undefined ? undefined : rows.find(({ record }) => record?.sequence === count)?.record
  if (headSound && typeof head === 'object' && last && isSound(last) && last.hash !== head.hash) {
    report('head', last.sequence, (subject) => `${subject} is not the one that ledger.head names: it was exchanged`)
  }
  for (const { sequence, hash } of known) {
    const found = rows.find(({ record }) => record?.sequence === sequence)
    if (found?.record?.hash !== hash)
      report('edited', sequence, (subject) => `${subject} is not the one noted as ${hash}`, found)
  }
  return { records: rows.length, lastHash: rows.at(-1)?.record?.hash ?? null, key: fingerprint(key), problems }
}

function readRows(directory: string): { rows: unknown[]; trouble?: string } {
  if (!ledgerExists(directory)) return { rows: [] }
  let database: DatabaseSync | undefined
  const rows: unknown[] = []
  try {
    database = openForReading(directory)
    database.exec('BEGIN')
    if (hasTable(database)) for (const row of everyRow(database)) rows.push(row)
    const answers = z
      .array(z.object({ integrity_check: z.string() }))
      .parse(database.prepare('PRAGMA integrity_check').all())
    const trouble = answers.map((answer) => answer.integrity_check).filter((text) => text !== 'ok')
    return trouble.length > 0 ? { rows, trouble: trouble.slice(0, 3).join('; ') } : { rows }
  } catch (error) {
    return { rows, trouble: messageOf(error) }
  } finally {
    database?.close()
  }
}

function parseRow(row: unknown): Row {
  const { sequence } = z.object({ sequence: z.number() }).parse(row)
  return { sequence, record: recordSchema.safeParse(row).data }
}

/** Of the two places a public key is known from, the one that signed the head. */
function chooseKey(candidates: readonly (KeyObject | undefined)[], head: Head | 'missing' | 'unreadable') {
  const there = candidates.filter((key) => key !== undefined)
  return there.find((key) => typeof head === 'object' && headIsSound(head, key)) ?? there[0]
}

function subjectOf(sequence: number | null, name: RecordName | undefined): string {
  return name ? `record ${sequence} (${name.guarantee} of ${name.system}, ${name.at})` : `record ${sequence}`
}
