import { Cron } from 'croner'
import type { Plan } from '../../plan/plan.ts'
import type { Random } from '../../random.ts'
import type { RetentionPolicy } from '../../recovery/retention/rules.ts'

export const hour = 3_600_000
export const day = 24 * hour
export const simulatedDays = 400

/** One backup that the calendar of a plan, or an event, will take. */
export interface Taking {
  rule: string
  at: number
}

/**
 * Everything a plan would take in so many days. A rule that keeps more than `atOnce` backups side by side is thinned evenly to that number:
 * what is decided of each is the same, only fewer are tried.
 * @param pause days on which nothing is taken, as if the schedule had stopped.
 */
export function takings(
  plan: Plan,
  policy: RetentionPolicy,
  options: {
    from: number
    days: number
    atOnce: number
    events: number
    random: Random
    pause: { from: number; to: number }
  },
): Taking[] {
  const { from, days, atOnce, events, random, pause } = options
  const to = from + days * day
  const all: Taking[] = []
  for (const { name, keep } of policy.rules.values()) {
    const schedule = plan.recovery.backups[name]?.schedule
    if (schedule === undefined) {
      for (let event = 0; event < events; event++) {
        all.push({ rule: name, at: from + Math.floor(((event + random.next()) / events) * days * day) })
      }
      continue
    }
    const moments = momentsOf(schedule, policy.timeZone, from, to)
    const spacing = (to - from) / Math.max(1, moments.length)
    const every = keep === 'forever' ? 1 : Math.max(1, Math.ceil(keep / spacing / atOnce))
    all.push(...moments.filter((_, index) => index % every === 0).map((at) => ({ rule: name, at })))
  }
  return all.filter(({ at }) => at < pause.from || at >= pause.to).sort((a, b) => a.at - b.at)
}

function momentsOf(schedule: string, timeZone: string, from: number, to: number): number[] {
  const cron = new Cron(schedule, { timezone: timeZone, paused: true })
  const moments: number[] = []
  for (let next = cron.nextRun(new Date(from - 1)); next && next.getTime() < to; next = cron.nextRun(next)) {
    moments.push(next.getTime())
  }
  return moments
}
