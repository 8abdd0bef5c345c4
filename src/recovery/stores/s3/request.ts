import { createHash } from 'node:crypto'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { AwsV4Signer } from 'aws4fetch'
import type { Clock } from '../../../clock.ts'
import type { Random } from '../../../random.ts'
import type { Secret } from '../../../secrets/secret.ts'
import { NoAnswer, refusal } from './answer.ts'
import type { S3Location } from './location.ts'
import { persist, type RetryPolicy } from './retry.ts'

export interface S3Credentials {
  accessKeyId: string
  secretAccessKey: Secret<string>
  sessionToken?: Secret<string>
}

/** A bucket, and how it is spoken to. */
export interface S3Connection {
  location: S3Location
  credentials: S3Credentials
  clock: Clock
  random: Random
  /** A connection on which nothing moves for so long is given up. */
  idleMs: number
  retry: RetryPolicy
  agent: HttpAgent
  /** Derived signing keys, which last for a day. */
  signingKeys: Map<string, ArrayBuffer>
}

export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Whole key, prefix included; the bucket itself when absent. */
  key?: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Uint8Array
  /** SHA-256 of the body, when it is known already. */
  sha256?: Buffer
}

export interface S3Answer {
  status: number
  headers: IncomingMessage['headers']
  /** To be read to its end or destroyed. */
  body: IncomingMessage
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

const sockets = 16
const nothing = new Uint8Array()

export function agentFor({ address }: S3Location): HttpAgent {
  const options = { keepAlive: true, maxSockets: sockets }
  return address.startsWith('https:') ? new HttpsAgent(options) : new HttpAgent(options)
}

/**
 * Sends a request, again and again while there is hope.
 * @throws S3Refusal, NoAnswer: of the last attempt.
 */
export function send(connection: S3Connection, request: S3Request): Promise<S3Answer> {
  return persist(connection, () => sendOnce(connection, request))
}

/** As `send`, with the whole body as text. For small answers. */
export function ask(connection: S3Connection, request: S3Request): Promise<S3Answer & { text: string }> {
  return persist(connection, async () => {
    const answer = await sendOnce(connection, request)
    return { ...answer, text: await readText(answer.body) }
  })
}

/** One attempt. The hash of the body is signed, so that a byte changed on the way is refused by the service. */
export async function sendOnce(connection: S3Connection, request: S3Request): Promise<S3Answer> {
  const { location, credentials, clock } = connection
  const { method, key, query = {}, headers = {}, body = nothing } = request
  const { address } = location
  // Keys are of letters that need no escaping in a path.
  const url = new URL(key === undefined ? `${address}/` : `${address}/${key}`)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const signer = new AwsV4Signer({
    method,
    url: url.toString(),
    headers: { ...headers, 'x-amz-content-sha256': (request.sha256 ?? sha256(body)).toString('hex') },
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.secretAccessKey.reveal(),
    ...(credentials.sessionToken ? { sessionToken: credentials.sessionToken.reveal() } : {}),
    service: 's3',
    region: location.region,
    datetime: new Date(clock.now()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    cache: connection.signingKeys,
  })
  const signed = await signer.sign()
  const answer = await exchange(connection, signed.url, method, Object.fromEntries(signed.headers), body)
  if (answer.status < 300) return answer
  throw refusal(answer.status, await readText(answer.body), answer.headers.date)
}

function exchange(
  { agent, idleMs }: S3Connection,
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: Uint8Array,
): Promise<S3Answer> {
  return new Promise((resolve, reject) => {
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest
    const needsLength = method === 'PUT' || method === 'POST'
    const request = start(url, {
      method,
      agent,
      headers: { ...headers, ...(needsLength ? { 'content-length': String(body.length) } : {}) },
    })
    request.setTimeout(idleMs, () => request.destroy(new Error(`nothing came for ${idleMs / 1000} s`)))
    // After an answer has begun, the reader of its body hears of a broken connection.
    request.on('error', (cause) => reject(new NoAnswer(reasonOf(cause), { cause })))
    request.on('response', (message) => {
      resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message })
    })
    request.end(body)
  })
}

/** Errors on sockets carry their reason in different places, and AggregateError none of its own. */
function reasonOf(error: Error): string {
  if (error.message !== '') return error.message
  if (error instanceof AggregateError) {
    return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ')
  }
  return error.name
}

/** Longer than any answer that is read whole: a thousand keys and their sizes. */
const longestText = 8 * 2 ** 20

async function readText(body: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const part of body) {
      if (!(part instanceof Uint8Array)) continue
      parts.push(part)
      length += part.length
      if (length > longestText) throw new Error('its answer does not end')
    }
  } catch (cause) {
    throw new NoAnswer(cause instanceof Error ? reasonOf(cause) : 'its answer broke off', { cause })
  }
  return Buffer.concat(parts).toString('utf8')
}
