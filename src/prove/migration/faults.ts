import { checksumOf, type Migration } from '../../postgres/migrations/migration.ts'
import type { Fault, FaultMutant } from '../prover.ts'

const breaks: FaultMutant['breaks'] = (guarantees) => guarantees.find(({ id }) => id === 'migration/database/applies')

/** Breaks of any set of migrations: one more file, as somebody in a hurry writes it. */
export const migrationMutants: readonly FaultMutant[] = [
  {
    id: 'migration-rewrites',
    fault: 'migration-rewrites',
    description: 'A migration writes every row of a table anew under ACCESS EXCLUSIVE',
    breaks,
    says: /ACCESS EXCLUSIVE on .* in 99991231235959/,
  },
  {
    id: 'migration-needs-data',
    fault: 'migration-needs-data',
    description:
      'A migration changes a table that somebody made by hand in production, so that it does not apply from empty',
    breaks,
    says: /From empty: 99991231235959/,
  },
  {
    id: 'migration-refuses-data',
    fault: 'migration-refuses-data',
    description: 'A migration adds a column that must not be empty to a table that holds rows',
    breaks,
    says: /Over data: 99991231235959/,
  },
]

/** Does what follows to the largest table: one that others refer to may hold a handful of rows. */
const toATable = (statement: string) => `
DO $$
DECLARE
  chosen regclass := (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind = 'r' AND NOT c.relispartition AND c.relowner = current_user::regrole
    ORDER BY pg_relation_size(c.oid) DESC, c.relname LIMIT 1);
BEGIN
  EXECUTE format('${statement}', chosen);
END
$$;
`

/**
 * Adds the migration of a fault behind those of the system.
 * @param options.longestMs what the plan allows; a table of the size of production is made up for by a row that takes longer
 */
export function withBrokenMigration(
  migrations: readonly Migration[],
  options: { faults: ReadonlySet<Fault>; rows: number; longestMs: number },
): readonly Migration[] {
  const { faults, rows, longestMs } = options
  const seconds = (2 * longestMs) / rows / 1_000
  const sql = faults.has('migration-rewrites')
    ? `CREATE FUNCTION aval_slowly() RETURNS timestamptz LANGUAGE sql VOLATILE AS
       'SELECT clock_timestamp() FROM pg_sleep(${seconds.toFixed(6)})';
       ${toATable('ALTER TABLE %s ADD COLUMN aval_stamp timestamptz NOT NULL DEFAULT aval_slowly()')}`
    : faults.has('migration-needs-data')
      ? 'ALTER TABLE made_by_hand ADD COLUMN note text;'
      : faults.has('migration-refuses-data')
        ? toATable('ALTER TABLE %s ADD COLUMN aval_required integer NOT NULL')
        : undefined
  if (sql === undefined) return migrations
  const name = '99991231235959_in_a_hurry'
  const added = { id: name, name, file: `/${name}.sql`, sql, checksum: checksumOf(sql), journaled: true }
  return [...migrations, added]
}
