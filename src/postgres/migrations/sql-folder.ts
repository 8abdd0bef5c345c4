import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Migration, migrationFrom } from './migration.ts'

/**
 * `*.sql` of one folder, in the order of their numbers and then of their names: `2_b.sql` before `10_a.sql`. What goes back (`.down.sql`, and `U` of
 * Flyway) is not read, and of a file that holds both ways (dbmate, goose) only the way there. Repeatable files of Flyway (`R__`) come last.
 */
export async function readSqlFolder(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory, { withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .filter((name) => name.endsWith('.sql') && !/\.(down|undo|rollback)\.sql$|^U\d[^/]*__/.test(name))
  const migrations = await Promise.all(
    names
      .sort(byNumbers)
      .map((name) => migrationFrom({ id: name.replace(/\.sql$/, ''), name, file: join(directory, name) })),
  )
  return migrations.map((migration) => ({ ...migration, sql: wayThere(migration.sql) }))
}

const collator = new Intl.Collator('en', { numeric: true })

function byNumbers(one: string, other: string): number {
  const last = (name: string) => (name.startsWith('R__') ? 1 : 0)
  return last(one) - last(other) || collator.compare(one, other) || (one < other ? -1 : 1)
}

/** A file that holds both ways begins the way back with a comment. */
function wayThere(sql: string): string {
  const back = /^--\s*(?:migrate:down|\+goose down|\+micrate down|rollback)\b/im.exec(sql)
  return back === null ? sql : sql.slice(0, back.index)
}
