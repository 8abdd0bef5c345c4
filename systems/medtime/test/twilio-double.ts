import { createHmac, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { listenOnLoopback } from './loopback.ts'

/*
 * Stands in for Twilio's Messages resource and for the requests it makes itself. It enforces what is published and refuses what Twilio
 * refuses; it keeps what it accepted, and misbehaves when told. Its signatures are made here, not with the code they try.
 */

export type TwilioMischief =
  /** 429 with code 20429, 500 with code 20500, 503. */
  | 'too-many'
  | 'error'
  | 'unavailable'
  /** A page of something on the way, after the message was taken. */
  | 'bad-gateway'
  | 'accept-and-hang-up'
  /** Never answers; takes nothing. */
  | 'hang'
  /** Takes the message and never answers. */
  | 'accept-and-hang'

export interface AcceptedSms {
  sid: string
  to: string
  from: string
  body: string
  statusCallback: string
  validityPeriod: number
  at: number
}

/** A request as Twilio makes it, for whoever delivers it. */
export interface SignedRequest {
  /** Path and query. */
  path: string
  headers: Record<string, string>
  body: string
}

export interface TwilioDouble {
  origin: string
  accountSid: string
  /** An API key, and the auth token that requests of Twilio are signed with. */
  user: string
  password: string
  authToken: string
  numbers: string[]
  accepted: AcceptedSms[]
  answers: number[]
  /** Somebody answered STOP to the number. */
  optOut(number: string): void
  misbehave(...next: TwilioMischief[]): void
  /** Lets every answer take so long from now on. */
  slowDown(ms: number): void
  /** What Twilio tells of a message it took. */
  receipt(sms: AcceptedSms, status: string, errorCode?: string): SignedRequest
  /** What Twilio tells of a message that came in. @param webhook the address configured for the number */
  inbound(webhook: string, from: string, body: string, more?: Record<string, string>): SignedRequest
  stop(): Promise<void>
}

const e164 = /^\+[1-9]\d{7,14}$/
const form = z.strictObject({
  To: z.string(),
  From: z.string(),
  Body: z.string(),
  StatusCallback: z.string().optional(),
  ValidityPeriod: z.string().optional(),
})

export async function startTwilioDouble(options: { authToken?: string } = {}): Promise<TwilioDouble> {
  const accountSid = `AC${randomBytes(16).toString('hex')}`
  const authToken = options.authToken ?? randomBytes(16).toString('hex')
  const user = `SK${randomBytes(16).toString('hex')}`
  const password = randomBytes(16).toString('hex')
  const numbers = ['+15005550006', '+15005550007']
  const accepted: AcceptedSms[] = []
  const answers: number[] = []
  const optedOut = new Set<string>()
  const mischief: TwilioMischief[] = []

  let delayMs = 0
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    if (delayMs > 0) await sleep(delayMs)
    answers.push(answer(request, response, body))
  })
  const { origin, stop } = await listenOnLoopback(server)

  function answer(request: IncomingMessage, response: ServerResponse, body: string): number {
    const json = (status: number, value: unknown): number => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
      return status
    }
    const refuse = (status: number, code: number): number =>
      json(status, { code, message: 'Refused', more_info: `https://www.twilio.com/docs/errors/${code}`, status })
    if (request.url !== `/2010-04-01/Accounts/${accountSid}/Messages.json` || request.method !== 'POST')
      return refuse(404, 20404)
    const login = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    if (request.headers.authorization !== login) return refuse(401, 20003)
    const next = mischief.shift()
    if (next === 'hang') return 0
    if (next === 'too-many') return refuse(429, 20429)
    if (next === 'error') return refuse(500, 20500)
    if (next === 'unavailable') return refuse(503, 20503)
    if (request.headers['content-type'] !== 'application/x-www-form-urlencoded') return refuse(415, 20415)
    const given = new URLSearchParams(body)
    const result = form.safeParse(Object.fromEntries(given))
    if (!result.success || [...given.keys()].length !== new Set(given.keys()).size) return refuse(400, 20001)
    const { To, From, Body, StatusCallback, ValidityPeriod } = result.data
    if (!e164.test(To)) return refuse(400, 21211)
    if (!numbers.includes(From)) return refuse(400, 21606)
    if (Body === '') return refuse(400, 21602)
    if (Body.length > 1_600) return refuse(400, 21617)
    if (StatusCallback !== undefined && !isCallback(StatusCallback)) return refuse(400, 21609)
    const validity = ValidityPeriod === undefined ? 36_000 : Number(ValidityPeriod)
    if (!Number.isInteger(validity) || validity < 1 || validity > 36_000) return refuse(400, 20001)
    if (optedOut.has(To)) return refuse(400, 21610)
    const sms = {
      sid: `SM${randomBytes(16).toString('hex')}`,
      to: To,
      from: From,
      body: Body,
      statusCallback: StatusCallback ?? '',
      validityPeriod: validity,
      at: Date.now(),
    }
    accepted.push(sms)
    if (next === 'accept-and-hang') return 0
    if (next === 'accept-and-hang-up') {
      response.destroy()
      return 0
    }
    if (next === 'bad-gateway') {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad gateway</html>')
      return 502
    }
    return json(201, {
      sid: sms.sid,
      account_sid: accountSid,
      api_version: '2010-04-01',
      status: 'queued',
      to: To,
      from: From,
      body: Body,
      direction: 'outbound-api',
      error_code: null,
      error_message: null,
      num_segments: '1',
    })
  }

  const signed = (url: string, parameters: Record<string, string>): SignedRequest => {
    let text = url
    for (const name of Object.keys(parameters).sort()) text += name + parameters[name]
    const { pathname, search } = new URL(url)
    return {
      path: pathname + search,
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
        'user-agent': 'TwilioProxy/1.1',
        'x-twilio-signature': createHmac('sha1', authToken).update(Buffer.from(text, 'utf-8')).digest('base64'),
      },
      body: new URLSearchParams(parameters).toString(),
    }
  }

  return {
    origin,
    accountSid,
    user,
    password,
    authToken,
    numbers,
    accepted,
    answers,
    optOut: (number) => void optedOut.add(number),
    misbehave: (...next) => void mischief.push(...next),
    slowDown: (ms) => {
      delayMs = ms
    },
    receipt: (sms, status, errorCode) =>
      signed(sms.statusCallback, {
        ApiVersion: '2010-04-01',
        MessageStatus: status,
        SmsStatus: status,
        SmsSid: sms.sid,
        MessageSid: sms.sid,
        AccountSid: accountSid,
        From: sms.from,
        To: sms.to,
        ...(errorCode === undefined ? {} : { ErrorCode: errorCode }),
      }),
    inbound: (webhook, from, body, more = {}) => {
      const sid = `SM${randomBytes(16).toString('hex')}`
      return signed(webhook, {
        ApiVersion: '2010-04-01',
        AccountSid: accountSid,
        MessageSid: sid,
        SmsSid: sid,
        From: from,
        To: numbers[0] ?? '',
        Body: body,
        NumMedia: '0',
        NumSegments: '1',
        ...more,
      })
    },
    stop,
  }
}

/** A whole address whose host has no underscore, of at most 4,000 characters. */
function isCallback(text: string): boolean {
  return (
    text.length <= 4_000 &&
    URL.canParse(text) &&
    /^https?:$/.test(new URL(text).protocol) &&
    !/_/.test(new URL(text).hostname)
  )
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(z.instanceof(Buffer).parse(chunk))
  return Buffer.concat(chunks).toString('utf8')
}
