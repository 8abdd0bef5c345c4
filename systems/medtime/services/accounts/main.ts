import { openDatabase } from '../api/database.ts'
import { readHttpSettings } from '../api/http/http-settings.ts'
import { createLog, errorCode } from '../api/http/log.ts'
import { followCertificate, readCertificate } from '../api/http/tls.ts'
import { exemptFrom } from '../api/limits/exempt.ts'
import { createLimiter } from '../api/limits/limiter.ts'
import { codeSender } from '../api/messages/send-code.ts'
import { readMessagesSettings } from '../api/messages/settings.ts'
import { createServer } from '../api/server.ts'
import { readConfig } from './config.ts'
import { requestCounter } from './limits/request-counter.ts'
import { createMetrics } from './metrics.ts'
import { createSealing } from './sealing/seal.ts'
import { sealingKey } from './sealing/sealing-key.ts'
import { createAccountsService } from './service.ts'

/** Requests still running this long after a signal are cut off. */
const graceMs = 10_000
/** The largest body is a sign-up or an ID token. */
const bodyLimit = 32_768
/** How often the files of the certificate are looked at. */
const certificateEveryMs = 1_000

const log = createLog('accounts')

async function main(): Promise<void> {
  const config = readConfig(process.env)
  const http = readHttpSettings(process.env)
  const now = () => Date.now()
  const metrics = createMetrics(() => database.waiting())
  const database = openDatabase({
    url: config.databaseUrl,
    applicationName: 'medtime-accounts',
    poolSize: config.poolSize,
    onStatement: (seconds) => metrics.statement(seconds),
    onLostConnection: () => log.error({ event: 'database_connection_lost' }),
  })
  const sealing = createSealing(await sealingKey(config.sealingKey))
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
    bodyLimit,
    limiter,
    trustedProxies: config.trustedProxies,
    exempt: exemptFrom(config.limitsExempt),
    origins: http.origins,
    certificate: http.certificateFiles && readCertificate(http.certificateFiles),
  })
  if (http.certificateFiles) {
    followCertificate(server.server, http.certificateFiles, certificateEveryMs, (taken) =>
      log.info({ event: taken ? 'certificate_taken' : 'certificate_unusable' }),
    )
  }

  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    log.info({ event: 'stopping' })
    setTimeout(() => process.exit(1), graceMs).unref()
    // A connection that is answering now is not idle yet, and would be kept for a next request that never comes.
    const idle = setInterval(() => server.server.closeIdleConnections(), 50)
    await server.close()
    clearInterval(idle)
    await database.close()
    log.info({ event: 'stopped' })
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())

  await server.listen({ host: config.host, port: config.port })
  log.info({ event: 'listening' })
}

try {
  await main()
} catch (error) {
  log.error({ event: 'not_started', error_code: errorCode(error) })
  // Our own words about the configuration; they name variables, never values.
  process.stderr.write(`${error instanceof Error ? error.message : 'The service could not start'}\n`)
  process.exitCode = 1
}
