import { createHash } from 'node:crypto'
import { ApiError } from '../http/api-error.ts'
import type { MessagesSettings } from './settings.ts'
import type { MessagesStore } from './store.ts'
import { isFromTwilio } from './twilio-signature.ts'
import { inboundForm, receiptForm, statusQuery } from './wire.ts'

/** A request that claims to be Twilio's. */
export interface WebhookRequest {
  /** Path and query, exactly as asked for. */
  target: string
  signature: string | undefined
  form: URLSearchParams
}

export interface WebhookParts extends MessagesSettings {
  store: MessagesStore
  /** Milliseconds since the epoch. */
  now: () => number
}

/**
 * Checks that Twilio signed this request for the address it was told, which is in the configuration: neither the Host of a request nor a
 * header of a proxy has a say. Returns what the same request is known by when it comes again.
 * @throws ApiError SIGNATURE_REFUSED
 */
function digestOf({ target, signature, form }: WebhookRequest, webhook: MessagesSettings['webhook']): Buffer {
  if (webhook === undefined || !isFromTwilio(webhook.authToken, signature, webhook.origin + target, form)) {
    throw new ApiError('SIGNATURE_REFUSED')
  }
  // The signature stands for the address and every parameter, in whatever order they came.
  return createHash('sha256').update(`twilio ${signature}`).digest()
}

const statuses = new Map<string, 'accepted' | 'delivered' | 'undelivered'>([
  ['accepted', 'accepted'],
  ['scheduled', 'accepted'],
  ['queued', 'accepted'],
  ['sending', 'accepted'],
  ['sent', 'accepted'],
  ['delivered', 'delivered'],
  ['read', 'delivered'],
  ['undelivered', 'undelivered'],
  ['failed', 'undelivered'],
  ['canceled', 'undelivered'],
])

/**
 * Notes what became of an SMS. A status that nobody knows here says nothing, and is let be.
 * @throws ApiError SIGNATURE_REFUSED, REPLAYED, BAD_REQUEST, NOT_FOUND without such a message
 */
export async function takeReceipt(request: WebhookRequest, query: unknown, parts: WebhookParts): Promise<void> {
  const digest = digestOf(request, parts.webhook)
  const named = statusQuery.safeParse(query)
  const told = receiptForm.safeParse(Object.fromEntries(request.form))
  if (!named.success || !told.success) throw new ApiError('BAD_REQUEST')
  const { MessageSid, MessageStatus, ErrorCode } = told.data
  const status = statuses.get(MessageStatus)
  if (status === undefined) return
  const noted = await parts.store.noteReceipt({
    digest,
    message: named.data.message,
    providerId: MessageSid,
    status,
    errorCode: ErrorCode === undefined ? undefined : `TWILIO_${ErrorCode}`,
    now: new Date(parts.now()),
  })
  if (noted === 'replayed') throw new ApiError('REPLAYED')
  if (noted === 'unknown') throw new ApiError('NOT_FOUND')
}

/** The words Twilio itself takes for an end and a beginning, and what people write here. */
const stopWords = new Set(
  'STOP STOPALL UNSUBSCRIBE CANCEL END QUIT OPTOUT REVOKE PARAR PARE ALTO BAJA CANCELAR DETENER'.split(' '),
)
const startWords = new Set('START UNSTOP YES ALTA INICIAR COMENZAR'.split(' '))

/**
 * Takes the wish of whoever answered STOP, or START after it. Anything else that people write is not kept.
 * @throws ApiError SIGNATURE_REFUSED, REPLAYED, BAD_REQUEST, UNAVAILABLE
 */
export async function takeInbound(request: WebhookRequest, parts: WebhookParts): Promise<void> {
  const digest = digestOf(request, parts.webhook)
  const told = inboundForm.safeParse(Object.fromEntries(request.form))
  if (!told.success) throw new ApiError('BAD_REQUEST')
  const { From, Body, OptOutType } = told.data
  const word = (OptOutType ?? Body).trim().toUpperCase()
  const wish = stopWords.has(word) ? 'stop' : startWords.has(word) ? 'start' : undefined
  if (wish === undefined) return
  const { vault, store, now } = parts
  if (vault === undefined) throw new ApiError('UNAVAILABLE')
  if (!(await store.noteWish({ hash: vault.hash(From), wish, digest, now: new Date(now()) }))) {
    throw new ApiError('REPLAYED')
  }
}
