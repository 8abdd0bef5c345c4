import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { textOfFile } from './text-of-file.ts'

export type Layout = 'supabase' | 'prisma' | 'drizzle' | 'sql'

/** One migration of a folder, in the order of its layout. */
export interface Migration {
  /** What the layout knows it by: Supabase's version, Prisma's folder, Drizzle's tag, the name of a plain file. */
  id: string
  /** As a person finds it: `20260101120000_init.sql`, `20260101120000_init/migration.sql`. */
  name: string
  /** Absolute path. */
  file: string
  /** What is equal to a person is equal here: with `\n` between lines and no byte order mark, whatever the checkout made of it. */
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
  const sql = textOfFile(await readFile(parts.file))
  return { journaled: true, ...parts, sql, checksum: checksumOf(sql) }
}

export function checksumOf(sql: string): string {
  return createHash('sha256').update(sql).digest('hex')
}
