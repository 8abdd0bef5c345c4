import type { Guarantee } from '../../plan/guarantee.ts'
import type { FaultMutant } from '../prover.ts'

/** Breaks beside the system that the scenarios must see. */
export const recoveryMutants: readonly FaultMutant[] = [
  {
    id: 'wal-segment-removed',
    fault: 'wal-segment-removed',
    description: 'A WAL segment after the backup is missing from the store',
    breaks: idIs('recovery/database/loss'),
  },
  {
    id: 'byte-flipped',
    fault: 'byte-flipped',
    description: 'One byte of the backup is flipped before it is restored',
    breaks: idIs('recovery/database/time'),
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
  },
]

function idIs(id: string): (guarantees: readonly Guarantee[]) => Guarantee | undefined {
  return (guarantees) => guarantees.find((guarantee) => guarantee.id === id)
}
