import type { Guarantee } from '../../plan/guarantee.ts'
import type { FaultMutant } from '../prover.ts'

/** Breaks beside the system that the scenarios must see. */
export const recoveryMutants: readonly FaultMutant[] = [
  {
    id: 'wal-segment-removed',
    fault: 'wal-segment-removed',
    description: 'A WAL segment after the backup is missing from the store',
    breaks: idIs('recovery/database/loss'),
    says: /WAL|missing/,
  },
  {
    id: 'byte-flipped',
    fault: 'byte-flipped',
    description: 'One byte of the backup is flipped before it is restored',
    breaks: idIs('recovery/database/time'),
    says: /damaged|changed|base\.tar/,
  },
  {
    id: 'restore-too-late',
    fault: 'restore-too-late',
    description: 'The restore runs on past the moment asked for',
    breaks: idIs('recovery/point-in-time/precision'),
  },
  {
    id: 'health-always-good',
    fault: 'services-left-behind',
    description: 'Nothing is started after the restore, and the health check says that all is well',
    breaks: idIs('recovery/procedure:database-restore/time'),
    says: /"Run the smoke test\."|no client was answered|"Verify the data/,
  },
  {
    id: 'migration-marked-applied',
    fault: 'migration-marked-applied',
    description: 'The interrupted migration is marked as applied in place of being taken up',
    breaks: idIs('recovery/procedure:failed-migration/time'),
    says: /of the migration/,
  },
  {
    id: 'second-store-stale',
    fault: 'second-store-stale',
    description: 'The last copy to the second store is reported and was not made',
    breaks: idIs('recovery/procedure:region-failover/loss'),
    says: /before the last copy/,
  },
  {
    id: 'clone-incomplete',
    fault: 'clone-incomplete',
    description: 'A part of the services is not in the clone',
    breaks: idIs('recovery/procedure:rebuild-from-clone/time'),
    says: /did not start|Start the services/,
  },
  {
    id: 'merge-loses-later-writes',
    fault: 'merge-replaces-database',
    description: 'The dropped table comes back with the whole database of its time',
    breaks: idIs('recovery/procedure:dropped-table/loss'),
    says: /writes to another table are gone/,
  },
  {
    id: 'extraction-skips-child',
    fault: 'child-table-skipped',
    description: "The extraction leaves out a table that refers to the tenant's row",
    breaks: idIs('recovery/procedure:user-rows/loss'),
    says: /acknowledged writes/,
  },
  {
    id: 'damage-not-repaired',
    fault: 'damage-not-repaired',
    description: 'The damaged page is reported as repaired and is not',
    breaks: idIs('recovery/procedure:corruption/time'),
    says: /damaged|invalid page|Verify|Ask the/,
  },
  {
    id: 'standby-lagging',
    fault: 'standby-lagging',
    description: 'A standby that had stopped following is promoted by force',
    breaks: idIs('recovery/procedure:database-failover/loss'),
    says: /acknowledged writes/,
  },
  {
    id: 'fence-missing',
    fault: 'fence-missing',
    description: 'The old primary is not fenced and would start again',
    breaks: idIs('recovery/procedure:database-failover/time'),
    says: /old primary starts again/,
  },
]

function idIs(id: string): (guarantees: readonly Guarantee[]) => Guarantee | undefined {
  return (guarantees) => guarantees.find((guarantee) => guarantee.id === id)
}
