import { openDatabase } from '../api/database.ts'
import { createLog, errorCode } from '../api/http/log.ts'
import { runService } from '../api/http/run-service.ts'
import { serveHealth } from '../api/http/serve-health.ts'
import { serviceTelemetry } from '../api/http/service-telemetry.ts'
import { keptOnSuccess } from '../api/kept-on-success.ts'
import { phoneNumber } from '../api/messages/phone-number.ts'
import { requireSameNames } from '../keys/names-check.ts'
import { readMessengerConfig } from './config.ts'
import { startDrain } from './drain.ts'
import { fcmSender } from './fcm/send.ts'
import { folderSenders } from './folder-senders.ts'
import { createMessengerLog } from './messenger-log.ts'
import { createMessengerMetrics } from './messenger-metrics.ts'
import { openOutbox } from './outbox.ts'
import type { Outcome } from './outcome.ts'
import { openRecipients } from './recipients.ts'

import { twilioSender } from './twilio/send.ts'

const workers = 4
const idleMs = 250
/** What still runs this long after a signal is cut off: longer than a request to a provider. */
const graceMs = 20_000
/** Nobody's number, for development: from the range that is kept free for fiction. */
const developmentNumber = phoneNumber.parse('+15005550006')

const telemetry = serviceTelemetry('messenger')
const log = createLog('messenger', telemetry)
const notConfigured = async (): Promise<Outcome> => ({ kind: 'refused', code: 'NOT_CONFIGURED' })

async function start(): Promise<() => Promise<void>> {
  const config = readMessengerConfig(process.env)
  const now = () => Date.now()
  const metrics = createMessengerMetrics(telemetry.metrics)
  const database = openDatabase({
    url: config.databaseUrl,
    applicationName: 'medtime-messenger',
    poolSize: workers + 2,
    onStatement: (seconds, name, failed) =>
      telemetry.tracer.note('statement', { query_id: name }, seconds * 1000, failed),
    onLostConnection: () => log.error({ event: 'database_connection_lost' }),
  })
  const folder = config.folder === undefined ? undefined : folderSenders(config.folder)
  const drain = startDrain(
    {
      outbox: openOutbox(database),
      recipients: openRecipients(database.run, config.vault),
      vault: config.vault,
      push: config.fcm === undefined ? (folder?.push ?? notConfigured) : fcmSender({ ...config.fcm, now }),
      sms: config.twilio === undefined ? (folder?.sms ?? notConfigured) : twilioSender(config.twilio),
      numbers: config.twilio?.numbers ?? [developmentNumber],
      linkOrigin: config.linkOrigin,
      now,
      random: Math.random,
      log: createMessengerLog(log, metrics.sms),
      inSpan: (work) => telemetry.tracer.run('job', { job: 'deliver' }, work),
    },
    {
      workers,
      idleMs,
      onFailure: (thrown) => log.error({ event: 'failed', error_code: errorCode(thrown) }, thrown),
    },
  )
  const sameNames = keptOnSuccess(() => requireSameNames(database, 'messages', config.vault.hash('names')))
  const ready = async () => {
    await database.ready()
    await sameNames()
  }
  const health = await serveHealth({ host: config.host, port: config.port, ready, metrics })

  return async () => {
    await Promise.all([health.close(), drain.stop()])
    await database.close()
    await telemetry.close()
  }
}

await runService(log, graceMs, start)
