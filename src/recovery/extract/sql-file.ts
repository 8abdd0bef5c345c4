import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { escapeIdentifier, escapeLiteral } from 'pg'
import { syncDirectory } from '../durable.ts'
import { givenColumns } from './canonical-rows.ts'
import type { Extraction } from './extract-rows.ts'

/** A statement takes rows up to this many characters, so that no server needs much memory for one. */
const statementLength = 256 * 1024

/** SQL of the plan that belongs to the rows, the subject's value as $1. */
export interface PlannedSql {
  before?: readonly string[]
  after?: readonly string[]
}

export interface SqlFileReport {
  tables: { table: string; rows: number; checksum: string }[]
  bytes: number
}

/**
 * Writes an extraction as plain SQL that psql and every driver run as it is: one transaction, parents first. The file holds
 * people's data and is readable to its owner alone; it appears whole or not at all. Rows of the subject stop everything where they are there
 * already; shared rows are left as they are.
 */
export async function writeSqlFile(
  extraction: Extraction,
  path: string,
  planned: PlannedSql = {},
): Promise<SqlFileReport> {
  const draft = `${path}.writing`
  await rm(draft, { force: true })
  const file = await open(draft, 'wx', 0o600)
  try {
    const stream = createWriteStream(draft, { fd: file.fd, autoClose: false })
    const failed = finished(stream)
    failed.catch(() => undefined)
    let bytes = 0
    for await (const text of sqlOf(extraction, planned)) {
      bytes += Buffer.byteLength(text)
      if (!stream.write(text)) await Promise.race([once(stream, 'drain'), failed])
    }
    stream.end()
    await failed
    await file.sync()
    await file.close()
    await rename(draft, path)
    await syncDirectory(dirname(path))
    const tables = extraction.tables.map(({ table, own, shared, checksum }) => ({
      table: table.sql,
      rows: own + shared,
      checksum,
    }))
    return { tables, bytes }
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(draft, { force: true })
    throw error
  }
}

async function* sqlOf(extraction: Extraction, planned: PlannedSql): AsyncGenerator<string> {
  const { tables, cyclic } = extraction
  const forced = extraction.reachable.filter((table) => table.rowSecurity && table.forced)
  const rigid = cyclic.filter(({ deferrable }) => !deferrable)
  yield `-- Rows of one subject, extracted by Aval. They are personal data: delete this file once it has been run.
BEGIN;
SET LOCAL client_encoding = 'UTF8';
SET LOCAL standard_conforming_strings = on;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL timezone = 'UTC';
SET LOCAL lc_monetary = 'C';
SET LOCAL xmloption = 'content';
SET LOCAL search_path = '';
SET LOCAL row_security = off;
`
  for (const table of forced) yield `ALTER TABLE ${table.sql} NO FORCE ROW LEVEL SECURITY;\n`
  yield plannedSql(extraction, planned.before)
  for (const { child, name } of rigid) {
    yield `ALTER TABLE ${child.sql} ALTER CONSTRAINT ${escapeIdentifier(name)} DEFERRABLE INITIALLY DEFERRED;\n`
  }
  yield 'SET CONSTRAINTS ALL DEFERRED;\n'
  for (const { table } of tables) {
    const columns = givenColumns(table).map(escapeIdentifier).join(', ')
    const insert = `INSERT INTO ${table.sql} (${columns}) OVERRIDING SYSTEM VALUE VALUES\n`
    for (const belongs of ['shared', 'own']) {
      const end = belongs === 'shared' ? '\nON CONFLICT DO NOTHING;\n' : ';\n'
      let statement = ''
      for await (const line of copyLines(extraction.readValues(table))) {
        const tab = line.indexOf('\t')
        if (line.slice(0, tab) !== belongs) continue
        statement += (statement === '' ? insert : ',\n') + unescapeCopy(line.slice(tab + 1))
        if (statement.length < statementLength) continue
        yield statement + end
        statement = ''
      }
      if (statement !== '') yield statement + end
    }
  }
  yield 'SET CONSTRAINTS ALL IMMEDIATE;\n'
  for (const { child, name } of rigid) {
    yield `ALTER TABLE ${child.sql} ALTER CONSTRAINT ${escapeIdentifier(name)} NOT DEFERRABLE;\n`
  }
  yield plannedSql(extraction, planned.after)
  for (const { table } of tables) {
    const from = table.partitioned ? table.sql : `ONLY ${table.sql}`
    for (const { column, sequence } of await extraction.sequences(table)) {
      const highest = `max(${escapeIdentifier(column)})`
      yield `SELECT setval(${escapeLiteral(sequence)}, greatest(${highest}, (SELECT last_value FROM ${sequence}))) FROM ${from} HAVING ${highest} IS NOT NULL;\n`
    }
  }
  for (const table of forced) yield `ALTER TABLE ${table.sql} FORCE ROW LEVEL SECURITY;\n`
  yield 'COMMIT;\n'
}

/** What the plan wants run with the rows, with the subject's value in place of $1, by the names of every day. */
function plannedSql({ selection }: Extraction, statements: readonly string[] = []): string {
  if (statements.length === 0) return ''
  const value = selection.kind === 'subject' ? escapeLiteral(selection.subject.value) : 'NULL'
  const lines = statements.map((sql) => `${sql.replace(/\$1(?!\d)/g, () => value)};\n`)
  return `SET LOCAL search_path TO DEFAULT;\nSET LOCAL row_security = on;\n${lines.join('')}SET LOCAL search_path = '';\nSET LOCAL row_security = off;\n`
}

/** Lines of COPY text; one longer than a chunk is put together. */
async function* copyLines(stream: Readable): AsyncGenerator<string> {
  let parts: Buffer[] = []
  for await (const chunk of stream) {
    let rest = Buffer.from(chunk)
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      parts.push(rest.subarray(0, end))
      yield Buffer.concat(parts).toString('utf8')
      parts = []
      rest = rest.subarray(end + 1)
    }
    if (rest.length > 0) parts.push(rest)
  }
}

const escapes: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

function unescapeCopy(text: string): string {
  return text.replace(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter)
}
