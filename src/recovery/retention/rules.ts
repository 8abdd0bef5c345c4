import type { Plan } from '../../plan/plan.ts'

/** How long something is kept, in milliseconds. */
export type Keep = 'forever' | number

/** One entry of `recovery.backups`, as far as keeping is concerned. */
export interface RetentionRule {
  name: string
  keep: Keep
  /** Taken by the calendar: its newest is what an objective counts on. */
  scheduled: boolean
}

/** Everything a plan says about how long the backups of its database are kept. */
export interface RetentionPolicy {
  /** By name; rules of base backups, dumps and exports of the database. */
  rules: ReadonlyMap<string, RetentionRule>
  /** How long WAL is kept beyond what backups and the window need. */
  walKeep: Keep | undefined
  /** Backups that no rule took. */
  byHand: Keep
  /** Names of the objectives that are met from backups. */
  objectives: readonly string[]
  /** How far back any moment can be restored; milliseconds. */
  pointInTime: { window: number } | undefined
  /** IANA zone in which days are counted. */
  timeZone: string
}

/** What fails without its data, so that only a backup brings it back. */
const fromBackups: ReadonlySet<string> = new Set(['database', 'data', 'zone', 'region', 'everything'])

export function retentionPolicy({ recovery }: Pick<Plan, 'recovery'>): RetentionPolicy {
  const own = Object.entries(recovery.backups).filter(([, backup]) => backup.of === 'database')
  const wal = own.filter(([, { type }]) => type === 'wal').map(([, { keep }]) => keep)
  const bases = own.filter(([, { type }]) => type !== 'wal' && type !== 'replica')
  return {
    rules: new Map(
      bases.map(([name, { keep, schedule }]) => [name, { name, keep, scheduled: schedule !== undefined }]),
    ),
    walKeep: wal.length === 0 ? undefined : longest(wal),
    byHand: recovery.keepByHand,
    objectives: Object.entries(recovery.objectives)
      .filter(([, { covers, rto, rpo }]) => fromBackups.has(covers) && (rto !== undefined || rpo !== undefined))
      .map(([name]) => name),
    pointInTime: recovery.pointInTime && { window: recovery.pointInTime.window },
    timeZone: recovery.timeZone,
  }
}

function longest(keeps: readonly Keep[]): Keep {
  return keeps.reduce((most, keep) => (most === 'forever' || keep === 'forever' ? 'forever' : Math.max(most, keep)))
}
