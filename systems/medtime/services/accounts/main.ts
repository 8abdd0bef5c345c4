import { openDatabase } from '../api/database.ts'
import { readHttpSettings } from '../api/http/http-settings.ts'
import { listen } from '../api/http/listen.ts'
import { createLog } from '../api/http/log.ts'
import { runService } from '../api/http/run-service.ts'
import { serviceTelemetry } from '../api/http/service-telemetry.ts'
import { readCertificate } from '../api/http/tls.ts'
import { keepRunning } from '../api/jobs/keep-running.ts'
import { exemptFrom } from '../api/limits/exempt.ts'
import { createLimiter } from '../api/limits/limiter.ts'
import { codeSender } from '../api/messages/send-code.ts'
import { readMessagesSettings } from '../api/messages/settings.ts'
import { createServer } from '../api/server.ts'
import { anchorJob } from './audit/anchor.ts'
import { readConfig } from './config.ts'
import { requestCounter } from './limits/request-counter.ts'
import { createMetrics } from './metrics.ts'
import { createSealing } from './sealing/seal.ts'
import { createAccountsService } from './service.ts'

/** Requests still running this long after a signal are cut off. */
const graceMs = 10_000
/** The largest body is a sign-up or an ID token. */
const bodyLimit = 32_768

const telemetry = serviceTelemetry('accounts')
const log = createLog('accounts', telemetry)

async function start(): Promise<() => Promise<void>> {
  const config = readConfig(process.env)
  const http = readHttpSettings(process.env)
  const now = () => Date.now()
  const metrics = createMetrics(() => database.waiting(), telemetry.metrics)
  const database = openDatabase({
    url: config.databaseUrl,
    applicationName: 'medtime-accounts',
    poolSize: config.poolSize,
    onStatement: (seconds, name, failed) => {
      metrics.statement(seconds)
      telemetry.tracer.note('statement', { query_id: name }, seconds * 1000, failed)
    },
    onLostConnection: () => log.error({ event: 'database_connection_lost' }),
  })
  const sealing = createSealing(config.sealing)
  const messages = readMessagesSettings(process.env)
  const { areas, tokens } = createAccountsService({
    database,
    // Without a key that the messenger has as well, no code could be read by it.
    ...(messages.vault === undefined ? {} : { sendCode: codeSender({ database, settings: messages, now }) }),
    sealing,
    metrics,
    issuer: config.tokenIssuer,
    audience: config.tokenAudience,
    providers: config.providers,
    now,
  })
  const limiter = createLimiter({
    counter: requestCounter(database),
    key: async () => sealing.mac('limits', 'key'),
    now,
    times: config.limitsTimes,
  })
  const server = createServer({
    areas,
    tokens,
    metrics,
    log,
    tracer: telemetry.tracer,
    bodyLimit,
    limiter,
    trustedProxies: config.trustedProxies,
    exempt: exemptFrom(config.limitsExempt),
    origins: http.origins,
    certificate: http.certificateFiles && readCertificate(http.certificateFiles),
  })
  const close = await listen(server, config, http, log)
  const running = keepRunning({ jobs: [anchorJob(sealing)], database, log, now, tracer: telemetry.tracer })
  return async () => {
    await close()
    await running.stop()
    await database.close()
    await telemetry.close()
  }
}

await runService(log, graceMs, start)
