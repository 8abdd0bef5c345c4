import { withClient } from '../connection.ts'
import { checksumOf, type Migration } from './migration.ts'
import { type MigrationRecord, readRecords } from './record.ts'
import { type Statement, statementsOf } from './statement.ts'

/** Where one migration stands between its folder and the database. */
export type MigrationState =
  | { state: 'applied'; id: string; migration: Migration; record: MigrationRecord }
  | { state: 'pending'; id: string; migration: Migration }
  /** Pending, though a later one is applied already. */
  | { state: 'out-of-order'; id: string; migration: Migration; appliedBefore: string }
  /** Stopped in the middle, and can go on: what is done stands unchanged in the file. */
  | { state: 'interrupted'; id: string; migration: Migration; record: MigrationRecord }
  /** The file says something else than what was applied. */
  | { state: 'changed'; id: string; migration: Migration; record: MigrationRecord }
  /** Applied under another name. */
  | { state: 'renamed'; id: string; migration: Migration; record: MigrationRecord }
  /** Applied, but its file is gone. */
  | { state: 'missing'; id: string; record: MigrationRecord }
  /** A file that Drizzle's journal does not name. */
  | { state: 'unjournaled'; id: string; migration: Migration }

/**
 * Compares a folder with a database. Changes nothing.
 * @param url of the database, as the owner of its migrations
 * @returns one state a migration in the order they apply, then those whose file is gone
 */
export function migrationStatus(url: string, migrations: readonly Migration[]): Promise<MigrationState[]> {
  return withClient(url, async (client) => compare(migrations, await readRecords(client)))
}

/** The comparison itself. */
export async function compare(
  migrations: readonly Migration[],
  records: ReadonlyMap<string, MigrationRecord>,
): Promise<MigrationState[]> {
  const ids = new Set(migrations.map(({ id }) => id))
  const orphans = [...records.values()].filter(({ id }) => !ids.has(id))
  const lastKnown = migrations.findLast(({ id }) => records.has(id))
  const lastIndex = lastKnown === undefined ? -1 : migrations.indexOf(lastKnown)
  const renamed = new Set<string>()

  const states: MigrationState[] = []
  for (const [index, migration] of migrations.entries()) {
    const { id } = migration
    const record = records.get(id)
    if (record !== undefined) {
      states.push(await compareKnown(migration, record))
      continue
    }
    if (!migration.journaled) {
      states.push({ state: 'unjournaled', id, migration })
      continue
    }
    const origin = orphans.find((orphan) => orphan.checksum === migration.checksum && !renamed.has(orphan.id))
    if (origin !== undefined) {
      renamed.add(origin.id)
      states.push({ state: 'renamed', id, migration, record: origin })
    } else if (lastKnown !== undefined && index < lastIndex) {
      states.push({ state: 'out-of-order', id, migration, appliedBefore: lastKnown.name })
    } else {
      states.push({ state: 'pending', id, migration })
    }
  }
  const gone = orphans.filter(({ id }) => !renamed.has(id))
  return [...states, ...gone.map((record): MigrationState => ({ state: 'missing', id: record.id, record }))]
}

async function compareKnown(migration: Migration, record: MigrationRecord): Promise<MigrationState> {
  const { id } = migration
  if (record.state === 'started') {
    // A file that no longer parses still counts as changed or not by what it would have done first; up reports its syntax.
    const statements = await statementsOf(migration.sql, migration.file).catch(() => undefined)
    const same =
      statements === undefined
        ? record.checksum === migration.checksum
        : doneChecksum(statements, record.done) === record.doneChecksum
    return { state: same ? 'interrupted' : 'changed', id, migration, record }
  }
  if (record.checksum !== migration.checksum) return { state: 'changed', id, migration, record }
  if (record.name !== migration.name) return { state: 'renamed', id, migration, record }
  return { state: 'applied', id, migration, record }
}

/** SHA-256 of the first statements of a file, hex. */
export function doneChecksum(statements: readonly Statement[], done: number): string {
  return checksumOf(
    statements
      .slice(0, done)
      .map(({ text }) => text)
      .join('\0'),
  )
}
