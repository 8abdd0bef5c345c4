import { createTransport } from 'nodemailer'
import { type Deliver, needed } from './channel.ts'
import type { Outcome } from './outcome.ts'
import { subjectOf, textOf } from './words.ts'

/**
 * Mail by SMTP. The Message-ID is the same at every attempt, so that a mailbox that looks at it keeps one, and the messages of a group
 * are a thread. Anything but loopback must offer TLS.
 */
export const deliverByEmail: Deliver = async (delivery) => {
  const { message, language, timeoutMs } = delivery
  const from = needed(delivery, 'from').reveal()
  const domain = /@([\w.-]+)>?$/.exec(from)?.[1] ?? 'aval.invalid'
  const address = needed(delivery, 'smtp').reveal()
  if (!/^smtps?:\/\//.test(address) || !URL.canParse(address))
    return { kind: 'refused', reason: 'the server is not written as smtp://user:password@host:port' }
  const url = new URL(address)
  const transport = createTransport({
    host: url.hostname,
    port: Number(url.port || (url.protocol === 'smtps:' ? 465 : 587)),
    secure: url.protocol === 'smtps:',
    requireTLS: url.protocol === 'smtp:' && !isLoopback(url.hostname),
    ignoreTLS: isLoopback(url.hostname),
    ...(url.username === ''
      ? {}
      : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    const messageId = `<${delivery.key}@${domain}>`
    await transport.sendMail({
      from,
      to: needed(delivery, 'to').reveal(),
      subject: subjectOf(message, language),
      text: textOf(message, language),
      messageId,
      references: `<${message.dedup}@${domain}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
    return { kind: 'delivered', reference: messageId }
  } catch (error) {
    return outcomeOf(error)
  } finally {
    transport.close()
  }
}

function outcomeOf(error: unknown): Outcome {
  const status = propertyOf(error, 'responseCode')
  const code = propertyOf(error, 'code')
  if (typeof status === 'number')
    return status >= 500
      ? { kind: 'refused', reason: `status ${status}` }
      : { kind: 'failed', reason: `status ${status}`, unsure: false }
  // Once the text has begun to go out, the answer that says it was taken may be the one that is lost.
  const unsure = propertyOf(error, 'command') === 'DATA' || code === 'ETIMEDOUT' || code === 'ECONNECTION'
  return { kind: 'failed', reason: typeof code === 'string' ? code : 'connection lost', unsure }
}

function propertyOf(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.')
}
