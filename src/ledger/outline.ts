import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { LedgerRecord } from './record.ts'

/*
 * What each record was about, one JSON line each, beside the file of records: so that a record which is gone can still be
 * named. It proves nothing and is believed by nobody but the text of a message; a torn line is skipped.
 */

const lineSchema = z.object({
  sequence: z.int(),
  at: z.string(),
  system: z.string(),
  guarantee: z.string(),
})

export type RecordName = z.infer<typeof lineSchema>

/** What a record's body says it is about; undefined when it says nothing of the kind. */
export function nameOf({ sequence, at, body }: Pick<LedgerRecord, 'sequence' | 'at' | 'body'>): RecordName | undefined {
  try {
    const { system, guarantee } = lineSchema.pick({ system: true, guarantee: true }).parse(JSON.parse(body))
    return { sequence, at, system, guarantee }
  } catch {
    return undefined
  }
}

function outlineFile(directory: string): string {
  return join(directory, 'ledger.outline.jsonl')
}

export function noteNames(directory: string, records: readonly LedgerRecord[]): void {
  // The line break stands first: a line torn by a crash then spoils itself alone.
  const lines = records.map((record) => `\n${JSON.stringify(nameOf(record) ?? {})}`)
  if (lines.length > 0) appendFileSync(outlineFile(directory), lines.join(''))
}

/** Names by sequence; the first line about a sequence counts. */
export function readNames(directory: string): Map<number, RecordName> {
  const names = new Map<number, RecordName>()
  let text = ''
  try {
    text = readFileSync(outlineFile(directory), 'utf8')
  } catch {
    return names
  }
  for (const line of text.split('\n')) {
    try {
      const name = lineSchema.parse(JSON.parse(line))
      if (!names.has(name.sequence)) names.set(name.sequence, name)
    } catch {
      // A torn or foreign line.
    }
  }
  return names
}
