import { createAreas } from './areas.ts'
import { redisAnswers } from './catalog/redis-answers.ts'
import { readConfig } from './config.ts'
import { shareOut } from './connections.ts'
import { openDatabase } from './database.ts'
import { readHttpSettings } from './http/http-settings.ts'
import { listen } from './http/listen.ts'
import { createLog } from './http/log.ts'
import { createMetrics } from './http/metrics.ts'
import { runService } from './http/run-service.ts'
import { serviceTelemetry } from './http/service-telemetry.ts'
import { readCertificate } from './http/tls.ts'
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
import { connectRedis } from './redis.ts'
import { createServer } from './server.ts'
import { postgresChannel } from './sync/events/channel.ts'
import { bodyLimit } from './sync/wire.ts'

/** Requests still running this long after a signal are cut off. */
const graceMs = 10_000

const telemetry = serviceTelemetry('api')
const log = createLog('api', telemetry)

async function start(): Promise<() => Promise<void>> {
  const config = readConfig(process.env)
  const http = readHttpSettings(process.env)
  const now = () => Date.now()
  const metrics = createMetrics(() => database.waiting() + reading.waiting(), telemetry.metrics)
  const toDatabase = {
    url: config.databaseUrl,
    onStatement: (seconds: number, name: string, failed: boolean) => {
      metrics.statement(seconds)
      telemetry.tracer.note('statement', { query_id: name }, seconds * 1000, failed)
    },
    onLostConnection: () => log.error({ event: 'database_connection_lost' }),
  }
  const connections = shareOut(config.poolSize)
  const database = openDatabase({ ...toDatabase, poolSize: connections.others })
  const reading = openDatabase({ ...toDatabase, poolSize: connections.reading })
  const counting = openDatabase({ ...toDatabase, poolSize: connections.counting })
  const onLost = () => log.error({ event: 'database_connection_lost' })
  const channel = postgresChannel(config.changesUrl, onLost)
  const tokens = createTokenChecker({
    keys: issuerKeys(config.keyUrls),
    lives: sessionLives(database.run, now),
    ends: channel,
    issuer: config.tokenIssuer,
    audience: config.tokenAudience,
    now,
  })
  const redis = config.redisUrl === undefined ? undefined : await connectRedis(config.redisUrl)
  const areas = createAreas({
    channel,
    database,
    reading,
    metrics,
    messages: readMessagesSettings(process.env),
    sharedAnswers: redis && redisAnswers(redis),
    now,
  })
  const inDatabase = postgresTally(counting.run)
  const limiter = createLimiter({
    counter: counterInTurns(redis === undefined ? inDatabase : tallyWithReserve(redisTally(redis), inDatabase)),
    key: limitKey(database.run),
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
  const running = keepRunning({ jobs: allJobs, database, log, now, tracer: telemetry.tracer })
  return async () => {
    await close()
    await running.stop()
    redis?.destroy()
    await Promise.all([counting.close(), reading.close(), database.close()])
    await telemetry.close()
  }
}

await runService(log, graceMs, start)
