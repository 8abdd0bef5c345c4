import { crashReport, usageReport } from '../../../client/app/wire.ts'
import type { Database } from '../database.ts'
import { type Area, identityOf } from '../http/area.ts'
import type { Metrics } from '../http/metrics.ts'
import { readInput } from '../http/read-input.ts'
import { keepCrash } from './crashes.ts'
import { appRoutes as routes } from './routes.ts'

/** What apps tell of themselves, TECH-INF-001 §2.3: that they crashed, and how often they are used. */
export function appArea({ database, metrics, now }: { database: Database; metrics: Metrics; now: () => number }): Area {
  return {
    routes,
    register: (server, gate) => {
      // Who asks is let in by a token, and is not written down.
      server.post(routes.crash.path, { onRequest: gate.authenticate }, async ({ body }) => {
        const report = readInput(crashReport, body)
        const { isNew, keptUntil } = await keepCrash(database.run, report, new Date(now()))
        if (isNew) metrics.appCrash(report.platform, report.version, report.kind)
        return { kept_until: keptUntil.toISOString() }
      })
      server.post(routes.usage.path, { onRequest: gate.authenticate }, async (request) => {
        const { events } = readInput(usageReport, request.body)
        const { tier } = identityOf(request)
        for (const { event, role } of events) metrics.appEvent(event, tier, role)
        return { counted: events.length }
      })
    },
  }
}
