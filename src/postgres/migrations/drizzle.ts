import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { failure, messageOf } from '../../errors.ts'
import { type Migration, migrationFrom } from './migration.ts'

/** What of `meta/_journal.json` decides the order; the rest is Drizzle's. */
export const journalSchema = z.looseObject({
  dialect: z.string().optional(),
  entries: z.array(z.looseObject({ idx: z.int().min(0), tag: z.string().min(1) })),
})

/**
 * `<tag>.sql` in the order of `meta/_journal.json`. A file the journal does not name would never be applied by Drizzle
 * either; it comes last, marked, so that somebody is told.
 */
export async function readDrizzle(directory: string): Promise<Migration[]> {
  const journalFile = join(directory, 'meta', '_journal.json')
  const journal = await readJournal(journalFile)
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  const entries = [...journal.entries].sort((one, other) => one.idx - other.idx)
  const journaled = entries.map(({ tag }) => {
    const name = `${tag}.sql`
    if (names.includes(name)) return { id: tag, name, file: join(directory, name), journaled: true }
    throw failure('MIGRATION_FILE_MISSING', { name, list: 'meta/_journal.json' }, { where: { file: journalFile } })
  })
  const known = new Set(journaled.map(({ name }) => name))
  const others = names
    .filter((name) => !known.has(name))
    .map((name) => ({ id: name.replace(/\.sql$/, ''), name, file: join(directory, name), journaled: false }))
  return Promise.all([...journaled, ...others].map(migrationFrom))
}

async function readJournal(file: string): Promise<z.infer<typeof journalSchema>> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  const invalid = (problem: string) => failure('MIGRATION_LIST_INVALID', { problem }, { where: { file } })
  if (text === undefined) throw invalid('is not there, so that the order of the files is unknown')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalid(`is not JSON (${messageOf(error)})`)
  }
  const journal = journalSchema.safeParse(value)
  if (!journal.success) throw invalid(`has not the shape of a journal (${z.prettifyError(journal.error)})`)
  if (journal.data.dialect !== undefined && journal.data.dialect !== 'postgresql') {
    throw invalid(`is for ${journal.data.dialect}, not postgresql`)
  }
  return journal.data
}
