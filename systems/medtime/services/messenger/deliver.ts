import { randomUUID } from 'node:crypto'
import { kinds, type Language } from '../api/messages/message.ts'
import type { PhoneNumber } from '../api/messages/phone-number.ts'
import { type Content, contentPlace, content as contentSchema } from '../api/messages/sealed-content.ts'
import { type LinkOrigin, type Rendered, renderContent } from '../api/messages/templates.ts'
import type { Vault } from '../api/messages/vault.ts'
import { backoffMs, mostAttempts } from './backoff.ts'
import type { SendPush } from './fcm/send.ts'
import { type Bucket, limits } from './limits.ts'
import type { MessengerLog } from './messenger-log.ts'
import type { End, Outbox, Taken } from './outbox.ts'
import type { Outcome } from './outcome.ts'
import type { Recipients } from './recipients.ts'
import type { SendSms } from './twilio/send.ts'

export interface DeliveryParts {
  outbox: Outbox
  recipients: Recipients
  vault: Vault
  push: SendPush
  sms: SendSms
  /** Our own numbers, in the order they are tried. */
  numbers: readonly PhoneNumber[]
  linkOrigin: LinkOrigin
  /** Milliseconds since the epoch. */
  now: () => number
  /** From 0 to below 1. */
  random: () => number
  log: MessengerLog
  /** What is done with a message is done in a span of its own; looking for one in vain, which happens all the time, in none. */
  inSpan?: (work: () => Promise<void>) => Promise<void>
}

/** A message that may go: under which limits each way of sending counts, and how it goes that way. */
interface Ready {
  ways: readonly { buckets: readonly Bucket[]; send: () => Promise<Outcome> }[]
}

/** Takes the next message that is due and does with it what is to be done. False when none is due. */
export async function deliverNext(parts: DeliveryParts): Promise<boolean> {
  const { outbox, now, inSpan = (work) => work() } = parts
  const message = await outbox.take(new Date(now()))
  if (message === undefined) return false
  await inSpan(() => deliver(message, parts))
  return true
}

async function deliver(message: Taken, parts: DeliveryParts): Promise<void> {
  const { outbox, now } = parts
  const ending = endOf(message, now())
  const ready = ending ?? (await prepare(message, parts))
  if (ready === 'spread') return
  if (!('ways' in ready)) {
    await finish(message, ready.end, ready.code, parts)
    return
  }
  const at = new Date(now())
  const begun = await outbox.begin(
    message,
    ready.ways.map(({ buckets }) => buckets),
    at,
  )
  if (begun === undefined) return
  if ('kind' in begun) {
    if (begun.kind === 'full') await finish(message, 'limited', undefined, parts)
    else await outbox.putOff(message, begun.until)
    return
  }
  const way = ready.ways[begun.way]
  if (way !== undefined) await note(message, await way.send(), at, parts)
}

/** Whether there is nothing to do but to end it. */
function endOf(message: Taken, now: number): { end: End; code?: string } | undefined {
  // It was begun, and whoever began it did not come back to say how it went.
  const doubtful = message.state === 'sending'
  if (doubtful && (kinds[message.type].inDoubt === 'leave' || message.attempts >= mostAttempts))
    return { end: 'unknown' }
  if (message.expires_at.getTime() <= now) return { end: doubtful ? 'unknown' : 'expired' }
  return undefined
}

async function prepare(message: Taken, parts: DeliveryParts): Promise<Ready | 'spread' | { end: End; code?: string }> {
  const { vault, recipients } = parts
  const content = openContent(message, vault)
  if (content === undefined) return { end: 'failed', code: 'UNREADABLE' }
  if (kinds[message.type].channel === 'sms') return prepareSms(message, content, parts)
  if (message.audience === 'user') {
    const devices = await recipients.devices(message.user_id)
    if (devices.length === 0) return { end: 'nobody' }
    const copies = devices.map((device) => {
      const id = randomUUID()
      return { id, device, content: vault.seal(JSON.stringify(content), contentPlace(id)) }
    })
    await parts.outbox.spread(message, copies, new Date(parts.now()))
    return 'spread'
  }
  return preparePush(message, content, parts)
}

async function preparePush(message: Taken, content: Content, parts: DeliveryParts): Promise<Ready | { end: End }> {
  const { user_id: user, target, audience, id, type } = message
  const device = audience === 'device' ? await parts.recipients.device(user, target) : undefined
  if (audience === 'device' && device === undefined) return { end: 'nobody' }
  const to = device === undefined ? { topic: target } : { token: device.token }
  const { title, body, link } = words(message, content, device?.language, parts)
  const bucket: Bucket =
    device === undefined
      ? { name: `topic:${target}`, limit: limits.pushByTopic }
      : { name: `device:${user}:${target}`, limit: limits.pushByDevice }
  const send = () =>
    parts.push({
      id,
      type,
      to,
      title,
      body,
      link: link ?? '',
      lifetime: lifetimeOf(message, parts.now()),
      expires: secondsOf(message),
    })
  return { ways: [{ buckets: [bucket], send }] }
}

async function prepareSms(message: Taken, content: Content, parts: DeliveryParts): Promise<Ready | { end: End }> {
  const { user_id: user, id } = message
  const kept = content.phone === undefined ? await parts.recipients.phone(user) : undefined
  const to = content.phone ?? kept?.number
  if (to === undefined) return { end: 'nobody' }
  if (await parts.recipients.stopped(to)) return { end: 'stopped' }
  const { body } = words(message, content, kept?.language, parts)
  const toUser = `sms-user:${user}`
  const toNumber = `sms-to:${parts.vault.hash(to).toString('hex')}`
  const ways = parts.numbers.map((from) => ({
    buckets: [
      { name: `sms-from:${from}`, limit: limits.smsFromNumber },
      { name: toNumber, limit: limits.smsToNumber },
      { name: toNumber, limit: limits.smsPause },
      { name: toUser, limit: limits.smsByUser },
      { name: toUser, limit: limits.smsPause },
    ],
    send: () => parts.sms({ id, from, to, body, lifetime: lifetimeOf(message, parts.now()) }),
  }))
  return { ways }
}

/** Notes how an attempt went, and decides what follows. */
async function note(message: Taken, outcome: Outcome, at: Date, parts: DeliveryParts): Promise<void> {
  const { outbox, recipients, log, now, random } = parts
  const entry = { message_id: message.id, message_type: message.type }
  switch (outcome.kind) {
    case 'accepted':
      await outbox.accepted(message, outcome.providerId, new Date(now()))
      log.sent(entry)
      return
    case 'later': {
      const attempt = message.attempts + 1
      if (attempt >= mostAttempts) return finish(message, 'failed', outcome.code, parts, at)
      await outbox.putOff(message, new Date(now() + backoffMs(attempt, random, outcome.retryAfterMs)), at)
      log.putOff({ ...entry, error_code: outcome.code })
      return
    }
    case 'gone':
      await recipients.forget(message.user_id, message.target)
      return finish(message, 'failed', outcome.code, parts, at)
    case 'stopped': {
      const content = openContent(message, parts.vault)
      const number = content?.phone ?? (await recipients.phone(message.user_id))?.number
      if (number !== undefined) await recipients.stop(number, new Date(now()))
      return finish(message, 'stopped', outcome.code, parts, at)
    }
    case 'refused':
      return finish(message, 'failed', outcome.code, parts, at)
    case 'doubtful':
      // It stays as begun until its lease ends: a receipt may say before that what became of it.
      log.doubtful({ ...entry, error_code: outcome.code })
  }
}

async function finish(
  message: Taken,
  end: End,
  code: string | undefined,
  parts: DeliveryParts,
  at?: Date,
): Promise<void> {
  await parts.outbox.end(message, end, code, new Date(parts.now()), at)
  parts.log.ended({ message_id: message.id, message_type: message.type, error_code: code ?? end.toUpperCase() }, end)
}

function words(message: Taken, content: Content, theirs: Language | undefined, parts: DeliveryParts): Rendered {
  return renderContent(message.type, message.language ?? theirs ?? 'es', content.fields, parts.linkOrigin)
}

function openContent(message: Taken, vault: Vault): Content | undefined {
  if (message.content === null) return undefined
  try {
    return contentSchema.parse(JSON.parse(vault.open(message.content, contentPlace(message.id))))
  } catch {
    return undefined
  }
}

const secondsOf = ({ expires_at }: Taken) => Math.floor(expires_at.getTime() / 1_000)
const lifetimeOf = (message: Taken, now: number) => Math.max(1, secondsOf(message) - Math.floor(now / 1_000))
