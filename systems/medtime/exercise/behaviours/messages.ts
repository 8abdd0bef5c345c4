import { createHmac } from 'node:crypto'
import type { Exchange, Expectation, Json } from 'aval'
import { developmentAuthToken, developmentOrigin } from '../../services/api/messages/settings.ts'
import { refused, unauthenticated } from './answers.ts'
import { caseOf, get, raw } from './scene.ts'

const devices = 'device-registration'
const webhooks = 'webhook-signed'

const token = `${'c'.repeat(22)}:APA91b${'w'.repeat(40)}`
const device = { platform: 'ios', language: 'es', token }

const put = (as: string, id: string, json: Json, expect: Expectation) =>
  raw({ method: 'PUT', path: `/messages/devices/${id}`, json }, expect, as)
const end = (as: string, id: string) => raw({ method: 'DELETE', path: `/messages/devices/${id}` }, { status: 200 }, as)
const list = (as: string, expected: Json[]): Exchange => ({
  as,
  ...get('/messages/devices', { status: 200, json: { devices: expected }, text: { lacks: ['APA91b'] } }),
})

/** Where messages to a user go. */
export const deviceRegistration = [
  caseOf(devices, 'told', 'A registered device is told of, without its token', ({ person }) => [
    put(person('ana'), 'phone', device, { status: 200 }),
    put(person('ana'), 'phone', { ...device, language: 'en' }, { status: 200 }),
    list(person('ana'), [{ device_id: 'phone', platform: 'ios', language: 'en', registered_at: 'any:string' }]),
  ]),
  caseOf(devices, 'ended', 'A device that was ended is gone', ({ person }) => [
    put(person('ana'), 'phone', device, { status: 200 }),
    put(person('ana'), 'tablet', device, { status: 200 }),
    end(person('ana'), 'phone'),
    list(person('ana'), [{ device_id: 'tablet' }]),
    end(person('ana'), 'phone'),
  ]),
  caseOf(devices, 'own', 'Nobody sees or ends the device of another', ({ person }) => [
    put(person('ana'), 'phone', device, { status: 200 }),
    list(person('bob'), []),
    end(person('bob'), 'phone'),
    list(person('ana'), [{ device_id: 'phone' }]),
    get('/messages/devices', unauthenticated),
  ]),
  caseOf(devices, 'refused', 'What is no token is refused and not repeated', ({ person }) => [
    put(person('ana'), 'phone', { ...device, token: 'take LOSARTAN 50' }, refused(400, 'BAD_REQUEST', ['LOSARTAN'])),
    put(person('ana'), 'phone', { ...device, note: 'LOSARTAN' }, refused(400, 'BAD_REQUEST', ['LOSARTAN'])),
    list(person('ana'), []),
  ]),
]

const inbound = '/messages/twilio/inbound'

/** As Twilio signs a form for an address. */
function sign(address: string, form: Record<string, string>): string {
  const text = Object.keys(form)
    .sort()
    .map((name) => `${name}${form[name]}`)
    .join('')
  return createHmac('sha1', developmentAuthToken).update(`${address}${text}`).digest('base64')
}

function told(form: Record<string, string>, signature: string | undefined, expect: Expectation): Exchange {
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const headers = signature === undefined ? type : { ...type, 'x-twilio-signature': signature }
  return raw({ method: 'POST', path: inbound, headers, text: new URLSearchParams(form).toString() }, expect)
}

const answer = (id: string, body: string) => ({
  From: '+12025550199',
  To: '+15005550006',
  Body: body,
  MessageSid: `SM${id.replaceAll('-', '')}`,
})

/** What the provider of SMS tells. */
export const webhookSigned = [
  caseOf(webhooks, 'once', 'What is signed is taken, once', ({ userId }) => {
    const form = answer(userId('ana'), 'STOP')
    const signature = sign(developmentOrigin + inbound, form)
    return [
      told(form, signature, { status: 200, text: { has: ['<Response/>'] } }),
      told(form, signature, refused(409, 'REPLAYED')),
    ]
  }),
  caseOf(webhooks, 'forged', 'What is not signed, or changed since, is refused', ({ userId }) => {
    const form = answer(userId('ana'), 'STOP')
    const signature = sign(developmentOrigin + inbound, form)
    return [
      told(form, undefined, refused(403, 'SIGNATURE_REFUSED')),
      told({ ...form, From: '+12025550198' }, signature, refused(403, 'SIGNATURE_REFUSED')),
      told(form, sign(`https://elsewhere.example${inbound}`, form), refused(403, 'SIGNATURE_REFUSED')),
    ]
  }),
]
