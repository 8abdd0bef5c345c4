import { createAreas } from './areas.ts'
import { redisAnswers } from './catalog/redis-answers.ts'
import { readConfig } from './config.ts'
import { openDatabase } from './database.ts'
import { readHttpSettings } from './http/http-settings.ts'
import { createLog, errorCode } from './http/log.ts'
import { createMetrics } from './http/metrics.ts'
import { followCertificate, readCertificate } from './http/tls.ts'
import { sessionLives } from './identity/session.ts'
import { createTokenChecker, issuerKeys } from './identity/token.ts'
import { allJobs } from './jobs/all.ts'
import { keepRunning } from './jobs/keep-running.ts'
import { counterInTurns } from './limits/counter-in-turns.ts'
import { exemptFrom } from './limits/exempt.ts'
import { limitKey } from './limits/limit-key.ts'
import { createLimiter } from './limits/limiter.ts'
import { postgresTally } from './limits/postgres-tally.ts'
import { redisTally, tallyWithReserve } from './limits/redis-tally.ts'
import { readMessagesSettings } from './messages/settings.ts'
import { createServer } from './server.ts'
import { bodyLimit } from './sync/wire.ts'

/** Requests still running this long after a signal are cut off. */
const graceMs = 10_000
/** How often the files of the certificate are looked at. */
const certificateEveryMs = 1_000

const log = createLog('api')

async function main(): Promise<void> {
  const config = readConfig(process.env)
  const http = readHttpSettings(process.env)
  const now = () => Date.now()
  const metrics = createMetrics(() => database.waiting())
  const database = openDatabase({
    url: config.databaseUrl,
    poolSize: config.poolSize,
    onStatement: (seconds) => metrics.statement(seconds),
    onLostConnection: () => log.error({ event: 'database_connection_lost' }),
  })
  const tokens = createTokenChecker({
    keys: issuerKeys(config.keyUrls),
    lives: sessionLives(database.run, now),
    issuer: config.tokenIssuer,
    audience: config.tokenAudience,
    now,
  })
  const onLost = () => log.error({ event: 'database_connection_lost' })
  const sharedAnswers = config.redisUrl === undefined ? undefined : redisAnswers(config.redisUrl)
  const areas = createAreas({
    changes: { url: config.changesUrl, onLost },
    database,
    metrics,
    messages: readMessagesSettings(process.env),
    sharedAnswers,
    now,
  })
  const inDatabase = postgresTally(database.run)
  const shared = config.redisUrl === undefined ? undefined : redisTally(config.redisUrl)
  const limiter = createLimiter({
    counter: counterInTurns(shared === undefined ? inDatabase : tallyWithReserve(shared, inDatabase)),
    key: limitKey(database.run),
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

  const running = keepRunning({ jobs: allJobs, database, log, now })

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
    await running.stop()
    shared?.close()
    sharedAnswers?.close()
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
