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

/**
 * Writes the largest table anew: one that others refer to may hold a handful of rows. Production is larger than what it is filled
 * with, and policies hide from the owner how many rows that is, so that the first row takes as long as all of them would.
 */
const rewriting = (seconds: number) => `
CREATE SEQUENCE aval_turn;
CREATE FUNCTION aval_slowly() RETURNS timestamptz LANGUAGE sql VOLATILE AS
  'SELECT clock_timestamp() FROM pg_sleep(CASE nextval(''aval_turn'') WHEN 1 THEN ${seconds.toFixed(3)} ELSE 0 END)';
DO $$
DECLARE
  chosen regclass := (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind = 'r' AND NOT c.relispartition AND c.relowner = current_user::regrole
    ORDER BY pg_relation_size(c.oid) DESC, c.relname LIMIT 1);
BEGIN
  EXECUTE format('ALTER TABLE %s ADD COLUMN aval_stamp timestamptz NOT NULL DEFAULT aval_slowly()', chosen);
END
$$;
`

const filesOf: Partial<Record<Fault, (longestMs: number) => readonly string[]>> = {
  'migration-rewrites': (longestMs) => [rewriting((2 * longestMs) / 1_000)],
  'migration-needs-data': () => ['ALTER TABLE made_by_hand ADD COLUMN note text;'],
  // A table of its own: those of the system may hold rows that the migrations themselves bring.
  'migration-refuses-data': () => [
    'CREATE TABLE aval_notes (id integer PRIMARY KEY);',
    'ALTER TABLE aval_notes ADD COLUMN aval_required integer NOT NULL;',
  ],
}

/** Later than every file of a system; the last digit tells those of one fault apart. */
const lastSecond = '9999123123595'

/** Whether a file was added by a fault. */
export const isBroken = ({ id }: Migration): boolean => id.startsWith(lastSecond)

/**
 * Adds the migrations of a fault behind those of the system.
 * @param options.longestMs the longest that the plan lets others wait
 */
export function withBrokenMigration(
  migrations: readonly Migration[],
  options: { faults: ReadonlySet<Fault>; longestMs: number },
): readonly Migration[] {
  const files = [...options.faults].flatMap((fault) => filesOf[fault]?.(options.longestMs) ?? [])
  const added = files.map((sql, index) => {
    const name = `${lastSecond}${9 - (files.length - 1 - index)}_in_a_hurry`
    return { id: name, name, file: `/${name}.sql`, sql, checksum: checksumOf(sql), journaled: true }
  })
  return [...migrations, ...added]
}
