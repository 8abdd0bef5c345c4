/*
 * What makes a procedure a scenario that can be carried out: what fails, and what is done about it, both from closed lists, so
 * that a plan cannot name what nothing does.
 */

/** What fails in a scenario. */
export const faults = [
  'server-lost',
  'moment-passed',
  'table-dropped',
  'rows-deleted',
  'page-corrupted',
  'migration-broken',
  'primary-killed',
  'region-lost',
  'all-lost',
] as const
export type FaultName = (typeof faults)[number]

/** What each fault means, for whoever reads a plan or a report. */
export const faultMeanings: Record<FaultName, string> = {
  'server-lost': 'the server and everything on its machine is gone; the store is left',
  'moment-passed': 'what happened after a moment is not wanted; the server still runs',
  'table-dropped': 'a table was dropped while everything else goes on',
  'rows-deleted': 'the rows of one tenant were deleted while everybody else goes on',
  'page-corrupted': 'a page of a table is damaged on disk',
  'migration-broken': 'a migration stopped half way',
  'primary-killed': 'the primary server is killed; a standby is left',
  'region-lost': 'server and store are gone; the second store is left',
  'all-lost': 'server, machine and everything installed on it is gone; repository of the source and store are left',
}

/** What a step can do. */
export const actions = [
  'confirm-primary-down',
  'confirm-standby',
  'confirm-copy',
  'find-backup',
  'find-moment',
  'find-damage',
  'fetch-key',
  'clone',
  'prepare-directory',
  'restore',
  'restore-beside',
  'isolate',
  'extract-rows',
  'merge-table',
  'import-rows',
  'repair',
  'migrate-status',
  'mend-cause',
  'migrate-up',
  'promote',
  'fence',
  'repoint',
  'start-services',
  'verify-data',
  'check-health',
  'smoke-test',
  'settle-clients',
  'measure-loss',
  'rejoin',
] as const
export type Action = (typeof actions)[number]

const looks = ['verify-data', 'check-health', 'smoke-test', 'settle-clients', 'measure-loss'] as const
const whole = ['find-backup', 'prepare-directory', 'restore', 'start-services', 'repoint', ...looks] as const

/** The actions that make sense after each fault. */
export const actionsAfter: Record<FaultName, readonly Action[]> = {
  'server-lost': ['confirm-primary-down', 'fetch-key', ...whole],
  'moment-passed': ['find-moment', ...whole],
  'table-dropped': ['find-backup', 'find-moment', 'prepare-directory', 'restore-beside', 'merge-table', ...looks],
  'rows-deleted': [
    'find-backup',
    'find-moment',
    'prepare-directory',
    'restore-beside',
    'extract-rows',
    'import-rows',
    ...looks,
  ],
  'page-corrupted': [
    'find-damage',
    'isolate',
    'find-backup',
    'prepare-directory',
    'restore-beside',
    'repair',
    'start-services',
    ...looks,
  ],
  'migration-broken': ['migrate-status', 'mend-cause', 'migrate-up', ...looks],
  'primary-killed': [
    'confirm-standby',
    'confirm-primary-down',
    'fence',
    'promote',
    'repoint',
    'start-services',
    ...looks,
    'rejoin',
  ],
  'region-lost': ['confirm-primary-down', 'confirm-copy', 'fetch-key', ...whole],
  'all-lost': ['clone', 'fetch-key', 'migrate-up', ...whole],
}

/** What must have been done before an action can be: without it the step would have nothing to work on, or would do harm. */
export const preconditions: Partial<Record<Action, readonly Action[]>> = {
  promote: ['confirm-primary-down'],
  'import-rows': ['extract-rows'],
  repair: ['find-damage'],
  rejoin: ['promote'],
}

/** The action without which nothing comes back after a fault, so that no scenario of it could succeed. */
export const decisive: Record<FaultName, Action> = {
  'server-lost': 'restore',
  'moment-passed': 'restore',
  'table-dropped': 'merge-table',
  'rows-deleted': 'import-rows',
  'page-corrupted': 'repair',
  'migration-broken': 'migrate-up',
  'primary-killed': 'promote',
  'region-lost': 'restore',
  'all-lost': 'restore',
}
