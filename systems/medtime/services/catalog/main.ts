import { observeClient, observeStatements, runIn } from 'aval/telemetry'
import { type ClientBase, Pool } from 'pg'
import { createLog } from '../api/http/log.ts'
import { runService } from '../api/http/run-service.ts'
import { serveHealth } from '../api/http/serve-health.ts'
import { serviceTelemetry } from '../api/http/service-telemetry.ts'
import { createCatalogMetrics } from './catalog-metrics.ts'
import { readCatalogConfig } from './config.ts'
import { readDuties, takeOver } from './duties.ts'
import { keepLooking } from './keep-looking.ts'
import { clearLeftDownloads } from './left-downloads.ts'
import { takeLook } from './take-look.ts'
import { tellDuties } from './tell-duties.ts'

/*
 * Takes the lists of medicines in when they are due, from where the operator says that they lie: a variable for each source,
 * CATALOG_EMA and so on. Without any it looks after the starter catalog alone, and says so.
 */

/** What still runs this long after a signal is cut off; an import that is cut off changes nothing. */
const graceMs = 20_000

const telemetry = serviceTelemetry('catalog')
const log = createLog('catalog', telemetry)

async function start(): Promise<() => Promise<void>> {
  const config = readCatalogConfig(process.env)
  const { places, databaseUrl, bounds } = config
  const now = () => Date.now()
  const ending = new AbortController()
  const { signal } = ending
  const metrics = createCatalogMetrics(telemetry.metrics)
  await clearLeftDownloads()
  const pool = new Pool({
    connectionString: databaseUrl,
    application_name: 'medtime-catalog',
    max: 2,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 10_000,
  })
  observeStatements(pool, telemetry)
  pool.on('error', () => log.error({ event: 'database_connection_lost' }))
  await takeOver(pool, ['starter', ...places.keys()], new Date(now()))
  if (places.size === 0) log.info({ event: 'catalog_without_sources' })
  const looking = keepLooking({
    duties: () => readDuties(pool),
    look: async (source) => {
      const span = telemetry.tracer.begin('job', 'internal')
      const observe = (client: ClientBase) => observeClient(client, telemetry)
      let failed = true
      try {
        const parts = { databaseUrl, places, bounds, now, signal, observe }
        const look = await runIn(span.context, () => takeLook(source, parts))
        failed = look?.outcome === 'failed'
        return look
      } finally {
        span.end({ job: `catalog-${source}` }, failed)
      }
    },
    metrics,
    log,
    now,
    signal,
  })
  const health = await serveHealth({
    host: config.host,
    port: config.port,
    ready: async () => {
      await pool.query('SELECT 1')
      if (!looking.begun()) throw new Error('the starter catalog was not looked at yet')
    },
    metrics,
    tells: { '/sources': async () => tellDuties(await readDuties(pool), new Date(now())) },
  })
  return async () => {
    ending.abort()
    await Promise.all([health.close(), looking.stop()])
    await pool.end()
    await telemetry.close()
  }
}

await runService(log, graceMs, start)
