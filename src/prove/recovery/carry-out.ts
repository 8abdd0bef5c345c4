import type { Action } from '../../plan/scenario.ts'
import { reportLoss, settleClients, verifyData } from './actions/looking.ts'
import { findBackup, findMoment, prepareDirectory, restoreBeside, restoreWhole } from './actions/restoring.ts'
import { checkHealth, smokeTest, startServices } from './actions/serving.ts'
import type { CarryOut } from './run.ts'

/** How each action is carried out. One that is missing makes its procedure inconclusive, and the evidence says which. */
export const carryOut: Partial<Record<Action, CarryOut>> = {
  'find-backup': findBackup,
  'find-moment': findMoment,
  'prepare-directory': prepareDirectory,
  restore: restoreWhole,
  'restore-beside': restoreBeside,
  'start-services': startServices,
  'verify-data': verifyData,
  'check-health': checkHealth,
  'smoke-test': smokeTest,
  'settle-clients': settleClients,
  'measure-loss': reportLoss,
}
