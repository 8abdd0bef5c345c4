import type { KeyObject } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { type Clock, timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { canonicalJson } from '../plan/canonical-json.ts'
import { whileLocked } from '../synced-file.ts'
import { damaged, intactRecords, recordsAfter, trustedHead } from './chain.ts'
import { type Evidence, evidenceSchema, isBounded } from './evidence.ts'
import { type Head, readHead, signHead, writeHead } from './head.ts'
import { createKey, fingerprint, type LedgerKey, readKey, readPublicKey } from './key.ts'
import { readMoment } from './moment.ts'
import { nameOf, noteNames } from './outline.ts'
import { genesis, type LedgerRecord, signRecord } from './record.ts'
import { everyRow, hasTable, insertRow, ledgerExists, openForAppend, prepareTable } from './storage.ts'

/** Evidence as it stands in the ledger. */
export interface LedgerEntry {
  sequence: number
  /** When it was written, RFC 3339. */
  at: string
  hash: string
  evidence: Evidence
}

/** What was last found of a guarantee. */
export interface Latest {
  last: Evidence
  /** Where the last is of a bounded run: what a full run found before it, unless a bounded one refuted it in between. */
  fuller: Evidence | undefined
}

/**
 * What happened, append-only. Several processes may hold it open and append at once. Nothing is read from a ledger that was
 * changed from outside: every reading walks the chain first and throws LEDGER_DAMAGED.
 */
export interface Ledger {
  /** Finds out before hours of work whether there is a key to sign with. @throws LEDGER_KEY_MISSING, LEDGER_DAMAGED */
  requireWritable(): void
  /** Returns once the record and the head that counts it are on the disk. @throws LEDGER_DAMAGED, LEDGER_KEY_MISSING */
  append(evidence: Evidence): LedgerEntry
  /** The last evidence of each guarantee of a system, by guarantee id. */
  latest(system: string): Map<string, Latest>
  /** Every entry, oldest first. */
  all(): LedgerEntry[]
  /** The entries of one system, or of one of its guarantees, oldest first. */
  history(system: string, guarantee?: string): LedgerEntry[]
  close(): void
}

/** @param directory the project's state folder; the ledger's files are made there with the first append. */
export function openLedger(directory: string, clock: Clock): Ledger {
  let database: DatabaseSync | undefined
  let key: LedgerKey | undefined

  const open = (): { database: DatabaseSync; key: LedgerKey } => {
    if (!ledgerExists(directory) && readHead(directory) === 'missing') {
      mkdirSync(directory, { recursive: true })
      createKey(directory)
    }
    key ??= requireKey(directory)
    database ??= openForAppend(directory)
    return { database, key }
  }

  const append = (evidence: Evidence): LedgerEntry => {
    const body = canonicalJson(evidenceSchema.parse(evidence))
    const { database, key } = open()
    const record = whileLocked(database, () => {
      const head = begin(directory, database, key)
      const at = timestamp(clock.now())
      const next = { sequence: head.count + 1, kind: 'evidence' as const, at, body, previous: head.hash }
      const signed = signRecord(next, key.private)
      insertRow(database, signed)
      return signed
    })
    // Only once the record is committed may the head count it; only once the head counts it is it acknowledged.
    whileLocked(database, () => advanceHead(directory, database, key))
    return entryOf(record)
  }

  const readRows = (): unknown[] | 'no file' | 'no table' => {
    if (!ledgerExists(directory)) return 'no file'
    database ??= openForAppend(directory)
    // A reading sees one moment: records that others append meanwhile are not in it.
    database.exec('BEGIN')
    try {
      return hasTable(database) ? [...everyRow(database)] : 'no table'
    } finally {
      database.exec('ROLLBACK')
    }
  }

  const read = (): LedgerRecord[] => {
    const { head, rows } = readMoment(directory, readRows)
    if (typeof rows === 'object') return intactRecords(directory, rows, head, requirePublicKey(directory))
    // Without a head, or under one that counts no record, nothing was ever recorded.
    if (head === 'missing' || (head !== 'unreadable' && head.count === 0)) return []
    throw damaged(directory, rows === 'no file' ? 'ledger.db is gone' : 'ledger.db holds no records')
  }

  return {
    requireWritable: () => void open(),
    append,
    latest: (system) => {
      const records = new Map<string, LedgerRecord[]>()
      for (const record of read()) {
        const name = nameOf(record)
        if (name?.system !== system) continue
        const own = records.get(name.guarantee)
        if (own) own.push(record)
        else records.set(name.guarantee, [record])
      }
      const found = new Map<string, Latest>()
      for (const [guarantee, own] of records) {
        const latest = latestOf(own)
        if (latest !== undefined) found.set(guarantee, latest)
      }
      return found
    },
    all: () => read().map(entryOf),
    history: (system, guarantee) =>
      read()
        .filter((record) => {
          const name = nameOf(record)
          return name?.system === system && (guarantee === undefined || name.guarantee === guarantee)
        })
        .map(entryOf),
    close: () => {
      database?.close()
      database = undefined
    },
  }
}

/** @param records of one guarantee, oldest first; only those that matter are parsed in full. */
function latestOf(records: readonly LedgerRecord[]): Latest | undefined {
  let last: Evidence | undefined
  for (const record of records.toReversed()) {
    const { evidence } = entryOf(record)
    if (!isBounded(evidence))
      return last === undefined ? { last: evidence, fuller: undefined } : { last, fuller: evidence }
    if (last !== undefined && evidence.verdict === 'refuted') break
    last ??= evidence
  }
  return last === undefined ? undefined : { last, fuller: undefined }
}

/** The head to append to, caught up with whatever a crash left uncounted; a new ledger gets its first. */
function begin(directory: string, database: DatabaseSync, key: LedgerKey): Head {
  if (!hasTable(database)) {
    const empty = genesis(fingerprint(key.public))
    if (readHead(directory) === 'missing') writeHead(directory, signHead(0, empty, key))
    // With a head that counts records, a file without them was emptied.
    if (trustedHead(directory, readHead(directory), key.public).count > 0)
      throw damaged(directory, 'ledger.db holds no records')
    prepareTable(database)
  }
  return advanceHead(directory, database, key)
}

/** Makes the head count every sound record after it. Whoever calls holds the write lock. */
function advanceHead(directory: string, database: DatabaseSync, key: LedgerKey): Head {
  const head = trustedHead(directory, readHead(directory), key.public)
  const later = recordsAfter(directory, database, head, key.public)
  const last = later.at(-1)
  if (!last) return head
  noteNames(directory, later)
  const next = signHead(last.sequence, last.hash, key)
  writeHead(directory, next)
  return next
}

function requireKey(directory: string): LedgerKey {
  const key = readKey(directory)
  if (!key) throw failure('LEDGER_KEY_MISSING', { directory })
  return key
}

function requirePublicKey(directory: string): KeyObject {
  const key = readPublicKey(directory) ?? readKey(directory)?.public
  if (!key) throw failure('LEDGER_KEY_MISSING', { directory })
  return key
}

function entryOf({ sequence, at, hash, body }: LedgerRecord): LedgerEntry {
  const value: unknown = JSON.parse(body)
  return { sequence, at, hash, evidence: evidenceSchema.parse(value) }
}
