import type { Clock } from '../clock.ts'
import type { Plan } from '../plan/plan.ts'
import { databaseProcessorTarget } from './scrape/measured/database-processor.ts'
import { databaseQueryTargets } from './scrape/measured/database-queries.ts'
import { hostTarget, thisHost } from './scrape/measured/host.ts'
import { postgresTarget } from './scrape/measured/postgres.ts'
import { rateTarget } from './scrape/measured/rates.ts'
import { type RecoveryFacts, recoveryTarget } from './scrape/measured/recovery-ages.ts'
import { sqlChecks } from './scrape/measured/sql-checks.ts'
import type { ProbeOutcome } from './scrape/probes/outcome.ts'
import { probeTargets } from './scrape/probes/probe-target.ts'
import type { Target } from './scrape/reading.ts'
import { serviceTarget } from './scrape/service-target.ts'
import { spendTargets } from './scrape/spend/spend-target.ts'
import type { SeriesSource } from './series.ts'

/** Where a system runs now. Asked anew for every reading: what runs may move, end and come back. */
export interface Whereabouts {
  /** `http://127.0.0.1:4001`; undefined while the service runs nowhere. */
  serviceUrl(service: string): string | undefined
  /** Of the superuser and of the owner of the system's database; undefined while none runs. */
  databaseUrls(): { admin: string; owner: string } | undefined
  /** A folder on the disk the system writes to. */
  dataPath: string
  /** The folder of the system: where samples of what is spent are found. */
  systemPath: string
  /** PEM of whom probes trust for TLS instead of the system's. */
  authorities?: string | undefined
}

/** Ages are of a day's pace: so often they are read, since reading them lists a store. */
const agesEveryMs = 60_000

/**
 * Everything of a system that figures come from: metrics of its services, its Postgres, the queries of the plan, this machine, the ages of
 * backups and proofs, rates, probes, and the checks that the database makes of itself.
 * @param everyMs how often each is read.
 * @param source what was measured before, for rates.
 */
export function systemTargets(options: {
  plan: Plan
  whereabouts: Whereabouts
  source: SeriesSource
  everyMs: number
  clock: Clock
  recoveryFacts: (signal: AbortSignal) => Promise<RecoveryFacts>
  /** How long a heartbeat was not heard; undefined where nobody listens. */
  silentMs: (probe: string) => number | undefined
  onProbe: (probe: string, outcome: ProbeOutcome) => void
  /** Ends what listens between readings. */
  signal: AbortSignal
}): Target[] {
  const { plan, whereabouts, source, everyMs, clock, recoveryFacts, silentMs, onProbe, signal } = options
  const timeoutMs = Math.min(10_000, everyMs)
  const common = { instance: plan.system, everyMs, timeoutMs, clock }
  const urls = () => {
    const found = whereabouts.databaseUrls()
    if (found === undefined) throw new Error('it does not run')
    return found
  }
  const admin = () => urls().admin
  const checks = sqlChecks({ ...common, telemetry: plan.telemetry, url: admin, signal })
  const database =
    plan.database === undefined
      ? []
      : [
          postgresTarget({ ...common, url: admin }),
          databaseProcessorTarget({ ...common, url: admin, source: thisHost }),
          ...databaseQueryTargets({
            ...common,
            telemetry: plan.telemetry,
            url: (role) => (role === undefined ? urls().owner : urls().admin),
            toldAtMs: checks.toldAtMs,
          }),
          ...checks.targets,
        ]
  const services = Object.entries(plan.services).flatMap(([service, { metrics }]) => {
    if (metrics === undefined) return []
    const url = () => {
      const base = whereabouts.serviceUrl(service)
      return base === undefined ? undefined : new URL(metrics, base).href
    }
    return [serviceTarget({ service, url, everyMs, timeoutMs })]
  })
  return [
    recoveryTarget({ plan, everyMs: agesEveryMs, timeoutMs: agesEveryMs, facts: recoveryFacts, clock }),
    ...services,
    ...database,
    ...spendTargets(plan, { directory: whereabouts.systemPath, environment: process.env, clock }),
    hostTarget({ ...common, dataPath: whereabouts.dataPath, source: thisHost }),
    rateTarget({ ...common, source }),
    ...probeTargets(
      plan,
      {
        serviceUrl: (service) => whereabouts.serviceUrl(service) ?? '',
        databaseUrl: () => urls().owner,
        silentMs,
        authorities: whereabouts.authorities,
        clock,
      },
      onProbe,
    ),
  ]
}
