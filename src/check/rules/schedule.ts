import { Cron } from 'croner'
import type { PlanPath } from '../../plan/plan.ts'
import type { Rule } from '../rule.ts'

export const schedule: Rule = {
  id: 'schedule',
  severity: 'error',
  summary: 'Every schedule is a moment that comes.',
  check: ({ plan: { recovery, incidents } }) => {
    const schedules: { path: PlanPath; text: string | undefined }[] = [
      ...Object.entries(recovery.backups).map(([name, backup]) => ({
        path: ['recovery', 'backups', name, 'schedule'],
        text: backup.schedule,
      })),
      ...Object.entries(recovery.drills).map(([name, { calendar }]) => ({
        path: ['recovery', 'drills', name, 'calendar', 'schedule'],
        text: 'schedule' in calendar ? calendar.schedule : undefined,
      })),
      ...Object.entries(incidents.maintenance).map(([name, { schedule: text }]) => ({
        path: ['incidents', 'maintenance', name, 'schedule'],
        text,
      })),
    ]
    return schedules.flatMap(({ path, text }) => {
      const why = text === undefined ? undefined : problemOf(text)
      if (why === undefined) return []
      const fix = "Write five fields: minute hour day month weekday, such as '30 2 * * *'."
      return [{ path, message: `"${text}" ${why}.`, fix }]
    })
  },
}

function problemOf(text: string): string | undefined {
  try {
    // Whether a schedule ever comes does not depend on today; any start will do.
    return new Cron(text, { timezone: 'UTC' }).nextRun('2026-01-01T00:00:00') === null ? 'never comes' : undefined
  } catch (error) {
    return `is no schedule: ${error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)}`
  }
}
