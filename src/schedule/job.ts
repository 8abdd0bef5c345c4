import type { Plan } from '../plan/plan.ts'
import { formatDuration } from '../plan/units.ts'
import { type Calendar, type Rounds, roundsOf } from './calendar.ts'

/** Something the plan wants done at its time: one or more commands of Aval, one after the other, until one fails. */
export interface Job {
  /** `backup:hourly`, `drill:first-quarter`, `report:quarterly`. */
  name: string
  /** Jobs of one lane never run at once: backups do not wait for a drill of an hour. */
  lane: 'backups' | 'proofs'
  rounds: Rounds
  /** What a person would type, without `aval`. */
  commands: readonly (readonly string[])[]
}

/** What the plan names that no command carries out, and why. */
export interface NotScheduled {
  name: string
  why: string
}

/** Everything of a plan that comes round and that Aval can do by itself; the rest with its reason, so that nobody waits for it. */
export function jobsOf(plan: Plan): { jobs: Job[]; others: NotScheduled[] } {
  const { recovery, system } = plan
  const jobs: Job[] = []
  const others: NotScheduled[] = []
  const rounds = (calendar: Calendar) => roundsOf(calendar, recovery.timeZone)

  for (const [name, backup] of Object.entries(recovery.backups)) {
    if (backup.schedule === undefined) continue
    if (backup.of !== 'database') {
      others.push({ name: `backup:${name}`, why: `it is of ${backup.of}, which Aval does not keep` })
      continue
    }
    const copy = backup.copyTo === undefined ? [] : [['backup', 'copy', system, '--to', backup.copyTo]]
    jobs.push({
      name: `backup:${name}`,
      lane: 'backups',
      rounds: rounds({ schedule: backup.schedule }),
      commands: [['backup', 'create', system, '--rule', name], ...copy, ['backup', 'prune', system]],
    })
  }
  for (const [name, drill] of Object.entries(recovery.drills)) {
    const job = { name: `drill:${name}`, lane: 'proofs', rounds: rounds(drill.calendar) } as const
    if (drill.verifies) {
      const newest = ['--newest-within', formatDuration(drill.verifies.newestWithin)]
      jobs.push({ ...job, commands: [['backup', 'verify', system, ...newest]] })
      continue
    }
    const procedure = drill.scenario === undefined ? undefined : recovery.procedures[drill.scenario]
    if (drill.environment !== 'scratch') {
      others.push({ name: job.name, why: `it is held in ${drill.environment}, by people` })
    } else if (procedure?.fault === undefined) {
      others.push({ name: job.name, why: 'its procedure says neither its fault nor what its steps do' })
    } else {
      const only = `recovery/procedure:${drill.scenario}/`
      jobs.push({ ...job, commands: [['prove', system, '--only', only, '--again']] })
    }
  }
  for (const [name, report] of Object.entries(recovery.reports)) {
    const commands = [['drills', 'report', system, '--name', name]]
    jobs.push({ name: `report:${name}`, lane: 'proofs', rounds: rounds(report.calendar), commands })
  }
  return { jobs, others }
}
