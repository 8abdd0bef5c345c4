import { Client } from 'pg'
import { type Deliver, needed } from './channel.ts'
import { cut, textOf } from './words.ts'

/**
 * NOTIFY on a channel of the database, named as in the plan with '_' for '-'. Postgres tells only who listens at this moment, and whoever
 * listens knows a repetition by `id`. A payload of NOTIFY is under 8000 bytes; the alerts themselves stay out when they would not fit.
 */
export const deliverByNotify: Deliver = async (delivery) => {
  const { message, language, channel, key, timeoutMs } = delivery
  const client = new Client({
    connectionString: needed(delivery, 'database').reveal(),
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  // Without a listener a connection that breaks would end the process.
  client.on('error', () => {})
  try {
    await client.connect()
    const whole = JSON.stringify({ id: key, text: textOf(message, language), ...message })
    const short = JSON.stringify({
      id: key,
      text: cut(textOf(message, language), 1_500),
      status: message.status,
      severity: message.severity,
    })
    const payload = Buffer.byteLength(whole) < 8_000 ? whole : short
    await client.query('SELECT pg_notify($1, $2)', [channel.replaceAll('-', '_'), payload])
    return { kind: 'delivered' }
  } catch (error) {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'no answer'
    return { kind: 'failed', reason: code, unsure: true }
  } finally {
    await client.end().catch(() => {})
  }
}
