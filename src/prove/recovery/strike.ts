import type { FaultName } from '../../plan/scenario.ts'
import { loseAll } from './faults/all-lost.ts'
import { breakMigration } from './faults/broken-migration.ts'
import { damagePage } from './faults/damaged-page.ts'
import { deleteTenant, dropTable } from './faults/lost-rows.ts'
import { passMoment } from './faults/moment-passed.ts'
import { killPrimary } from './faults/primary-killed.ts'
import { loseRegion } from './faults/region-lost.ts'
import { loseServer } from './faults/server-lost.ts'
import type { Strike } from './run.ts'

/** How each fault is caused, for real and on the running site. */
export const strikes: Record<FaultName, Strike> = {
  'server-lost': loseServer,
  'moment-passed': passMoment,
  'table-dropped': dropTable,
  'rows-deleted': deleteTenant,
  'page-corrupted': damagePage,
  'primary-killed': killPrimary,
  'migration-broken': breakMigration,
  'region-lost': loseRegion,
  'all-lost': loseAll,
}
