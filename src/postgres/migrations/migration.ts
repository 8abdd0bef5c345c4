import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

export type Layout = 'supabase' | 'prisma' | 'drizzle'

/** One migration of a folder, in the order of its layout. */
export interface Migration {
  /** What the layout knows it by: Supabase's version, Prisma's folder, Drizzle's tag. */
  id: string
  /** As a person finds it: `20260101120000_init.sql`, `20260101120000_init/migration.sql`. */
  name: string
  /** Absolute path. */
  file: string
  /** With `\n` between lines and no byte order mark, whatever the checkout made of it. */
  sql: string
  /** SHA-256 of `sql`, hex. */
  checksum: string
  /** Whether the layout's own list of migrations knows it; only Drizzle has one. */
  journaled: boolean
}

export async function migrationFrom(parts: {
  id: string
  name: string
  file: string
  journaled?: boolean
}): Promise<Migration> {
  const sql = normalise(await readFile(parts.file, 'utf8'))
  return { journaled: true, ...parts, sql, checksum: checksumOf(sql) }
}

/** What is equal to a person is equal here: Git may write other line ends than were committed. */
function normalise(text: string): string {
  return text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
}

export function checksumOf(sql: string): string {
  return createHash('sha256').update(sql).digest('hex')
}
