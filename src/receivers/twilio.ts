import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type Receiver, startReceiver } from './receiver.ts'

/*
 * Stands in for Twilio's Messages: basic authentication, a form, numbers as E.164, and its codes for what it refuses.
 * https://www.twilio.com/docs/api/errors
 */

const e164 = /^\+[1-9]\d{7,14}$/
const form = z.strictObject({ To: z.string(), From: z.string(), Body: z.string() })

export interface TwilioReceiver extends Receiver {
  account: string
  password: string
  from: string
  /** Messages that were taken, in their order. */
  taken: { to: string; body: string }[]
}

export async function startTwilio(): Promise<TwilioReceiver> {
  const account = `AC${randomBytes(16).toString('hex')}`
  const password = randomBytes(16).toString('hex')
  const from = '+15005550006'
  const taken: { to: string; body: string }[] = []
  const json = (status: number, value: unknown) => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  })
  const refuse = (status: number, code: number) =>
    json(status, { code, message: 'Refused', more_info: `https://www.twilio.com/docs/errors/${code}`, status })
  const receiver = await startReceiver(({ path, method, headers, body }) => {
    if (path !== `/2010-04-01/Accounts/${account}/Messages.json` || method !== 'POST') return refuse(404, 20404)
    if (headers.authorization !== `Basic ${Buffer.from(`${account}:${password}`).toString('base64')}`)
      return refuse(401, 20003)
    if (headers['content-type'] !== 'application/x-www-form-urlencoded') return refuse(415, 20415)
    const given = new URLSearchParams(body)
    const parsed = form.safeParse(Object.fromEntries(given))
    if (!parsed.success || new Set(given.keys()).size !== [...given.keys()].length) return refuse(400, 20001)
    const { To, From, Body } = parsed.data
    if (!e164.test(To)) return refuse(400, 21211)
    if (From !== from) return refuse(400, 21606)
    if (Body === '') return refuse(400, 21602)
    if (Body.length > 1_600) return refuse(400, 21617)
    taken.push({ to: To, body: Body })
    return json(201, { sid: `SM${randomBytes(16).toString('hex')}`, account_sid: account, status: 'queued', to: To })
  })
  return { ...receiver, account, password, from, taken }
}
