import type { FaultName } from '../../plan/scenario.ts'
import type { FaultMutant } from '../prover.ts'
import { scenariosOf } from './scenarios-of.ts'

/** Breaks beside the system that the scenarios must see. */
export const recoveryMutants: readonly FaultMutant[] = [
  {
    id: 'wal-segment-removed',
    fault: 'wal-segment-removed',
    description: 'A WAL segment after the backup is missing from the store',
    breaks: databaseLost('loss'),
    says: /WAL|missing/,
  },
  {
    id: 'byte-flipped',
    fault: 'byte-flipped',
    description: 'One byte of the backup is flipped before it is restored',
    breaks: databaseLost('time'),
    says: /damaged|changed|base\.tar/,
  },
  {
    id: 'restore-too-late',
    fault: 'restore-too-late',
    description: 'The restore runs on past the moment asked for',
    breaks: (guarantees) => guarantees.find(({ id }) => id === 'recovery/point-in-time/precision'),
  },
  {
    id: 'health-always-good',
    fault: 'services-left-behind',
    description: 'Nothing is started after the restore, and the health check says that all is well',
    breaks: afterFault('server-lost', 'time'),
    says: /smoke test|no client was answered|Verify the data|no answer/i,
  },
  {
    id: 'migration-marked-applied',
    fault: 'migration-marked-applied',
    description: 'The interrupted migration is marked as applied in place of being taken up',
    breaks: afterFault('migration-broken', 'time'),
    says: /of the migration/,
  },
  {
    id: 'second-store-stale',
    fault: 'second-store-stale',
    description: 'The last copy to the second store is reported and was not made',
    breaks: afterFault('region-lost', 'loss'),
    says: /before the last copy/,
  },
  {
    id: 'clone-incomplete',
    fault: 'clone-incomplete',
    description: 'A part of the services is not in the clone',
    breaks: afterFault('all-lost', 'time'),
    says: /did not start|start the services/i,
  },
  {
    id: 'merge-loses-later-writes',
    fault: 'merge-replaces-database',
    description: 'The dropped table comes back with the whole database of its time',
    breaks: afterFault('table-dropped', 'loss'),
    says: /writes to another table are gone/,
  },
  {
    id: 'extraction-skips-child',
    fault: 'child-table-skipped',
    description: "The extraction leaves out a table that refers to the tenant's row",
    breaks: afterFault('rows-deleted', 'loss'),
    says: /acknowledged writes|refused rows of/,
  },
  {
    id: 'damage-not-repaired',
    fault: 'damage-not-repaired',
    description: 'The damaged page is reported as repaired and is not',
    breaks: afterFault('page-corrupted', 'time'),
    says: /damaged|invalid page|Verify|Ask the/,
  },
  {
    id: 'standby-lagging',
    fault: 'standby-lagging',
    description: 'A standby that had stopped following is promoted by force',
    breaks: afterFault('primary-killed', 'loss'),
    says: /acknowledged writes/,
  },
  {
    id: 'fence-missing',
    fault: 'fence-missing',
    description: 'The old primary is not fenced and would start again',
    breaks: afterFault('primary-killed', 'time'),
    says: /old primary starts again/,
  },
]

/** What is promised of the procedure that a plan has for a fault, whatever it is called there. */
function afterFault(fault: FaultName, bound: 'time' | 'loss'): FaultMutant['breaks'] {
  return (guarantees, plan) => {
    const { name } = scenariosOf(plan).find(({ procedure }) => procedure.fault === fault) ?? {}
    return guarantees.find(({ id }) => id === `recovery/procedure:${name}/${bound}`)
  }
}

/** What an objective promises of the whole database; where none does, the procedure. */
function databaseLost(bound: 'time' | 'loss'): FaultMutant['breaks'] {
  return (guarantees, plan) => {
    const [name] = Object.entries(plan.recovery.objectives).find(([, { covers }]) => covers === 'database') ?? []
    return (
      guarantees.find(({ id }) => id === `recovery/${name}/${bound}`) ??
      afterFault('server-lost', bound)(guarantees, plan)
    )
  }
}
