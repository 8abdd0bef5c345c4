import type { Action } from '../../plan/scenario.ts'
import { confirmStandby, fence, promote, rejoin, repoint } from './actions/failing-over.ts'
import { confirmCopy, confirmDown, reportLoss, settleClients, verifyData } from './actions/looking.ts'
import { mendCause, migrateStatus, migrateUp } from './actions/migrating.ts'
import { cloneSource, fetchKey } from './actions/rebuilding.ts'
import { findDamage, isolate, repair } from './actions/repairing.ts'
import { findBackup, findMoment, prepareDirectory, restoreBeside, restoreWhole } from './actions/restoring.ts'
import { extractTenant, importTenant, mergeDropped } from './actions/rows.ts'
import { checkHealth, smokeTest, startServices } from './actions/serving.ts'
import type { CarryOut } from './run.ts'

/** How each action is carried out. */
export const carryOut: Record<Action, CarryOut> = {
  'confirm-primary-down': confirmDown,
  'confirm-copy': confirmCopy,
  'fetch-key': fetchKey,
  clone: cloneSource,
  'find-backup': findBackup,
  'find-moment': findMoment,
  'prepare-directory': prepareDirectory,
  restore: restoreWhole,
  'restore-beside': restoreBeside,
  'migrate-status': migrateStatus,
  'mend-cause': mendCause,
  'migrate-up': migrateUp,
  'find-damage': findDamage,
  isolate,
  repair,
  'merge-table': mergeDropped,
  'extract-rows': extractTenant,
  'import-rows': importTenant,
  'confirm-standby': confirmStandby,
  promote,
  fence,
  repoint,
  rejoin,
  'start-services': startServices,
  'verify-data': verifyData,
  'check-health': checkHealth,
  'smoke-test': smokeTest,
  'settle-clients': settleClients,
  'measure-loss': reportLoss,
}
