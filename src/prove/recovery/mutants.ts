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
]

function idIs(id: string): (guarantees: readonly Guarantee[]) => Guarantee | undefined {
  return (guarantees) => guarantees.find((guarantee) => guarantee.id === id)
}
