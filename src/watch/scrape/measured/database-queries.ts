import { z } from 'zod'
import type { Clock } from '../../../clock.ts'
import type { Telemetry } from '../../../plan/telemetry.ts'
import { keptReadings } from '../kept-readings.ts'
import { reading, type Target } from '../reading.ts'
import { figure, readDatabase } from './read-database.ts'

const row = z.record(z.string(), figure.nullable())

/**
 * The metrics of the plan that a query of the database gives, such as the length of a queue: each at its own pace, by its role. A query
 * that gives no row or no value gives no figure.
 */
export function databaseQueryTargets(options: {
  telemetry: Telemetry
  instance: string
  url: (role: string | undefined) => string
  everyMs: number
  timeoutMs: number
  clock: Clock
  /** When a metric was last told to have changed; it is then read again at once. */
  toldAtMs?: (metric: string) => number
}): Target[] {
  const { telemetry, instance, url, everyMs, timeoutMs, clock, toldAtMs = () => -Infinity } = options
  return Object.entries(telemetry.metrics).flatMap(([name, { query }]) => {
    if (!query) return []
    const ask = async (signal: AbortSignal) =>
      readDatabase(url(query.role), { timeoutMs, role: query.role, signal }, async (client) => {
        const { rows } = await client.query<Record<string, unknown>>(query.sql)
        const [value] = rows.length === 0 ? [] : Object.values(row.parse(rows[0]))
        return value === undefined || value === null ? [] : [reading(name, value)]
      })
    const read = keptReadings(query.every, clock, ask, () => toldAtMs(name))
    return [{ job: `query:${name}`, instance, everyMs: Math.min(everyMs, query.every), timeoutMs, own: true, read }]
  })
}
