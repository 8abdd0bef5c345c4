import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { jwtVerify } from 'jose'
import { z } from 'zod'
import { listenOnLoopback } from './loopback.ts'

/*
 * Stands in for FCM's HTTP v1 API and Google's token endpoint. It enforces what these publish and refuses what they refuse; it keeps
 * what it accepted, and misbehaves when told.
 */

export type FcmMischief =
  /** 429 QUOTA_EXCEEDED, 500 INTERNAL, 503 UNAVAILABLE. */
  | 'quota'
  | 'internal'
  | 'unavailable'
  /** Takes the message and closes the connection without an answer. */
  | 'accept-and-hang-up'
  /** Takes the message and never answers. */
  | 'accept-and-hang'
  /** Never answers; takes nothing. */
  | 'hang'
  /** Says that the access token is no longer good. */
  | 'token-ended'

export type AcceptedPush = z.output<typeof messageSchema>

export interface FcmDouble {
  origin: string
  /** A key file for it. */
  account: {
    type: 'service_account'
    project_id: string
    private_key_id: string
    private_key: string
    client_email: string
    token_uri: string
  }
  accepted: AcceptedPush[]
  /** Statuses of every answer to `messages:send`, in order; 0 for none. */
  answers: number[]
  /** Access tokens given out so far. */
  tokensGiven(): number
  /** An app that can be reached. */
  install(): string
  uninstall(token: string): void
  /** For the next requests, one each. */
  misbehave(...next: FcmMischief[]): void
  stop(): Promise<void>
}

const seconds = z.string().regex(/^\d+(\.\d{1,9})?s$/)
const fourWeeks = 2_419_200
const reserved = /^(from|message_type|google.*|gcm.*)$/

const messageSchema = z
  .strictObject({
    token: z.string().optional(),
    topic: z
      .string()
      .regex(/^[A-Za-z0-9\-_.~%]{1,900}$/)
      .optional(),
    condition: z.string().optional(),
    notification: z.strictObject({ title: z.string(), body: z.string() }).optional(),
    data: z
      .record(
        z.string().refine((key) => !reserved.test(key)),
        z.string(),
      )
      .optional(),
    android: z
      .strictObject({
        collapse_key: z.string().optional(),
        priority: z.enum(['NORMAL', 'HIGH']).optional(),
        ttl: seconds.refine((text) => Number.parseFloat(text) <= fourWeeks).optional(),
        notification: z.strictObject({ tag: z.string().optional(), channel_id: z.string().optional() }).optional(),
      })
      .optional(),
    apns: z
      .strictObject({
        headers: z
          .strictObject({
            'apns-priority': z.enum(['1', '5', '10']).optional(),
            'apns-collapse-id': z.string().max(64).optional(),
            'apns-expiration': z.string().regex(/^\d+$/).optional(),
          })
          .optional(),
      })
      .optional(),
  })
  .refine((given) => [given.token, given.topic, given.condition].filter((target) => target !== undefined).length === 1)

const requestSchema = z.strictObject({ message: messageSchema, validate_only: z.boolean().optional() })
const wellFormedToken = /^[A-Za-z0-9_-]{22}:APA91b[A-Za-z0-9_-]{20,}$/

export async function startFcmDouble(): Promise<FcmDouble> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const projectId = 'medtime-double'
  const keyId = randomUUID().replaceAll('-', '')
  const email = `sender@${projectId}.iam.gserviceaccount.com`
  const tokens = new Set<string>()
  const apps = new Set<string>()
  const accepted: AcceptedPush[] = []
  const answers: number[] = []
  const mischief: FcmMischief[] = []
  let given = 0

  const server = createServer((request, response) => void answer(request, response))
  const listening = await listenOnLoopback(server)
  const { origin } = listening
  const tokenUri = `${origin}/token`

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (request.url === '/token') return exchange(request, response, body)
    const status = send(request, response, body)
    answers.push(status)
  }

  async function exchange(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const form = new URLSearchParams(body)
    const sound =
      request.method === 'POST' &&
      request.headers['content-type'] === 'application/x-www-form-urlencoded' &&
      form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' &&
      [...form.keys()].length === 2 &&
      (await isAssertion(form.get('assertion') ?? '', { publicKey, keyId, email, audience: tokenUri }))
    if (!sound) return json(response, 400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' })
    const token = `ya29.${randomUUID()}`
    given++
    tokens.add(token)
    json(response, 200, { access_token: token, expires_in: 3_599, token_type: 'Bearer' })
  }

  function send(request: IncomingMessage, response: ServerResponse, body: string): number {
    const refuse = (status: number, code: string, details: object[] = []): number => {
      json(response, status, { error: { code: status, message: 'Refused by the double.', status: code, details } })
      return status
    }
    const fcmError = (errorCode: string) => ({
      '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError',
      errorCode,
    })
    if (request.method !== 'POST' || request.url !== `/v1/projects/${projectId}/messages:send`) {
      return refuse(404, 'NOT_FOUND')
    }
    const presented = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const next = mischief.shift()
    if (next === 'token-ended') tokens.delete(presented)
    if (!tokens.has(presented)) return refuse(401, 'UNAUTHENTICATED')
    if (next === 'hang') return 0
    if (next === 'quota') return refuse(429, 'RESOURCE_EXHAUSTED', [fcmError('QUOTA_EXCEEDED')])
    if (next === 'internal') return refuse(500, 'INTERNAL', [fcmError('INTERNAL')])
    if (next === 'unavailable') return refuse(503, 'UNAVAILABLE', [fcmError('UNAVAILABLE')])
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) return refuse(400, 'INVALID_ARGUMENT')
    const result = requestSchema.safeParse(parsed(body))
    if (!result.success) return refuse(400, 'INVALID_ARGUMENT', [badRequest('message')])
    const { message } = result.data
    const payload = JSON.stringify([message.notification ?? {}, message.data ?? {}])
    if (Buffer.byteLength(payload) > (message.topic === undefined ? 4_096 : 2_048))
      return refuse(400, 'INVALID_ARGUMENT')
    if (message.token !== undefined && !wellFormedToken.test(message.token)) {
      return refuse(400, 'INVALID_ARGUMENT', [fcmError('INVALID_ARGUMENT'), badRequest('message.token')])
    }
    if (message.token !== undefined && !apps.has(message.token))
      return refuse(404, 'NOT_FOUND', [fcmError('UNREGISTERED')])
    accepted.push(message)
    if (next === 'accept-and-hang') return 0
    if (next === 'accept-and-hang-up') {
      response.destroy()
      return 0
    }
    json(response, 200, { name: `projects/${projectId}/messages/${randomUUID()}` })
    return 200
  }

  return {
    origin,
    account: {
      type: 'service_account',
      project_id: projectId,
      private_key_id: keyId,
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      client_email: email,
      token_uri: tokenUri,
    },
    accepted,
    answers,
    tokensGiven: () => given,
    install: () => {
      const token = `${randomUUID().replaceAll('-', '').slice(0, 22)}:APA91b${randomUUID()}${randomUUID()}`
      apps.add(token)
      return token
    },
    uninstall: (token) => void apps.delete(token),
    misbehave: (...next) => void mischief.push(...next),
    stop: listening.stop,
  }
}

const badRequest = (field: string) => ({
  '@type': 'type.googleapis.com/google.rpc.BadRequest',
  fieldViolations: [{ field, description: 'Invalid' }],
})

/** As Google checks it: signed by the key of that id, for this endpoint, for an hour at most, and with the scope that FCM needs. */
async function isAssertion(
  jwt: string,
  expected: { publicKey: KeyObject; keyId: string; email: string; audience: string },
): Promise<boolean> {
  try {
    const { payload, protectedHeader } = await jwtVerify(jwt, expected.publicKey, {
      algorithms: ['RS256'],
      issuer: expected.email,
      audience: expected.audience,
      requiredClaims: ['iat', 'exp'],
    })
    return (
      protectedHeader.kid === expected.keyId &&
      payload['scope'] === 'https://www.googleapis.com/auth/firebase.messaging' &&
      (payload.exp ?? 0) - (payload.iat ?? 0) <= 3_600
    )
  } catch {
    return false
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(z.instanceof(Buffer).parse(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body))
}
