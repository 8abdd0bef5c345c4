import type { Client } from 'pg'
import {
  type Difference,
  digestOfSource,
  noteSource,
  noteUnchanged,
  presentVersion,
  publish,
  readRecords,
  recordsOf,
  replaceLists,
  takeTurn,
  writeRecords,
} from './catalog-database.ts'
import type { Facts } from './facts.ts'
import { ImportError } from './import-error.ts'
import { mergeRecords } from './merge.ts'
import { readSource } from './read-source.ts'
import { edition, type MedicineSource, type Source } from './source.ts'
import { type ListEntry, readCofeprisLists } from './sources/cofepris-lists.ts'
import type { RxNormFile } from './sources/rxnorm.ts'
import { starterIdentity, starterPath } from './sources/starter.ts'
import { type Rejection, RejectionCounter, type Summary } from './summary.ts'
import { inspectFile } from './text-file.ts'

export interface ImportRequest {
  source: Source
  /** Files of this machine, in the order the source wants them. */
  paths: readonly string[]
  now: Date
  /** Take over a file that tells of far fewer medicines than the one before. */
  acceptShrinking?: boolean
  /** Ends it between two lines, or before anything is written. */
  signal?: AbortSignal
}

/** A file with less than this share of what was known is rather half a download than a recall of half of all medicines. */
const keptShare = 0.7

/**
 * Takes the files of one source into the catalog: all of it in one transaction, so that an import that fails or is killed changes
 * nothing, and readers see the old catalog or the new one. The same files again change nothing.
 * @throws ImportError when the files are not what they should be
 */
export async function importSource(client: Client, request: ImportRequest): Promise<Summary> {
  const { source, now } = request
  const inspected = await Promise.all(request.paths.map(inspectFile))
  const digest = [`edition ${edition}`, ...inspected.map((file) => file.digest)].join(' ')
  const unchanged = async (): Promise<Summary | undefined> => {
    if ((await digestOfSource(client, source)) !== digest) return undefined
    await noteUnchanged(client, source, now)
    const version = await presentVersion(client)
    return {
      source,
      outcome: 'unchanged',
      lines: 0,
      added: 0,
      changed: 0,
      removed: 0,
      rejected: [],
      version,
      published: false,
    }
  }
  const same = await unchanged()
  if (same !== undefined) return same
  const files = request.paths.map((path, index) => ({ path, encoding: inspected[index]?.encoding ?? 'utf-8' }))
  const content = await readContent(source, files, request.signal)
  return inTransaction(client, async () => {
    await takeTurn(client)
    // Another import may have brought the same file while this one read it.
    const meanwhile = await unchanged()
    if (meanwhile !== undefined) return meanwhile
    const written = await writeContent(client, request, content)
    const summary: Summary = {
      source,
      outcome: 'imported',
      lines: content.lines,
      rejected: content.rejected,
      ...written,
    }
    await noteSource(client, source, { digest, at: now, summary })
    return summary
  })
}

type Content = { lines: number; rejected: Rejection[] } & (
  | { source: MedicineSource; facts: Map<string, Facts> }
  | { entries: ListEntry[] }
)

async function readContent(
  source: Source,
  files: readonly RxNormFile[],
  signal: AbortSignal | undefined,
): Promise<Content> {
  if (source === 'cofepris-lists') return readLists(files, signal)
  const { facts, counter } = await readSource(source, files, await starterIdentity(), signal)
  return { source, facts, lines: counter.lines, rejected: counter.all() }
}

async function readLists(files: readonly RxNormFile[], signal: AbortSignal | undefined): Promise<Content> {
  const counter = new RejectionCounter()
  const entries: ListEntry[] = []
  for (const { path, encoding } of files) {
    for await (const line of readCofeprisLists(path, encoding)) {
      signal?.throwIfAborted()
      counter.lines++
      if ('rejected' in line) counter.add(line.line, line.rejected)
      else entries.push(line.entry)
    }
  }
  if (entries.length === 0) throw new ImportError('No file holds a row of a known list')
  return { entries, lines: counter.lines, rejected: counter.all() }
}

async function writeContent(
  client: Client,
  { now, acceptShrinking = false }: ImportRequest,
  content: Content,
): Promise<Difference & { version: number; published: boolean }> {
  const records = await readRecords(client)
  if ('entries' in content) {
    const difference = await replaceLists(client, content.entries)
    const differs = difference.added + difference.changed + difference.removed > 0
    const after = differs
      ? await publish(client, await merged(records), { at: now, anyway: true })
      : { version: await presentVersion(client), published: false }
    return { ...difference, ...after }
  }
  const before = recordsOf(records, content.source)
  if (!acceptShrinking && content.facts.size < before.size * keptShare) {
    throw new ImportError(
      `The file tells of ${content.facts.size} medicines, the one before of ${before.size}; is it whole? --accept-shrinking takes it over`,
    )
  }
  const difference = await writeRecords(client, content.source, before, content.facts)
  records.set(content.source, content.facts)
  return { ...difference, ...(await publish(client, await merged(records), { at: now, anyway: false })) }
}

/** What the starter catalog tells is part of every catalog, also before anybody has imported it. */
async function merged(records: Map<MedicineSource, Map<string, Facts>>) {
  if (recordsOf(records, 'starter').size > 0) return mergeRecords(records)
  const { facts } = await readSource('starter', [{ path: starterPath, encoding: 'utf-8' }], await starterIdentity())
  return mergeRecords(new Map([...records, ['starter', facts]]))
}

async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (thrown) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw thrown
  }
}
