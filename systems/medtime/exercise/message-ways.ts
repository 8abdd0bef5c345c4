import { createHmac } from 'node:crypto'
import { developmentAuthToken, developmentOrigin } from '../services/api/messages/settings.ts'
import type { PathTools } from './path-tools.ts'

/** Every way data enters with messages: what registers a device or a number, and what people answer to an SMS. */
export function messageWays({
  address,
  credentials,
  newId,
}: PathTools): Record<string, (value: string) => Promise<void>> {
  const send = async (method: string, path: string, json: unknown) => {
    const response = await fetch(new URL(path, address('api')), {
      method,
      body: JSON.stringify(json),
      headers: { 'content-type': 'application/json', ...(await credentials()) },
      signal: AbortSignal.timeout(10_000),
    })
    await response.arrayBuffer()
  }
  /** Signed as the provider would, for a service that runs for development. */
  const answer = async (path: string, form: Record<string, string>) => {
    const names = Object.keys(form).sort()
    const signed = developmentOrigin + path + names.map((name) => name + form[name]).join('')
    const response = await fetch(new URL(path, address('api')), {
      method: 'POST',
      body: new URLSearchParams(form).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': createHmac('sha1', developmentAuthToken).update(signed).digest('base64'),
      },
      signal: AbortSignal.timeout(10_000),
    })
    await response.arrayBuffer()
  }
  const device = { platform: 'ios', language: 'es', token: `${'p'.repeat(22)}:APA91b${'p'.repeat(40)}` }
  const sid = () => `SM${newId().replaceAll('-', '')}`
  return {
    'device-token': (value) => send('PUT', '/messages/devices/planted', { ...device, token: value }),
    'device-id': (value) => send('PUT', `/messages/devices/${encodeURIComponent(value)}`, device),
    'device-more': (value) => send('PUT', '/messages/devices/planted', { ...device, [value]: value }),
    'phone-number': (value) => send('PUT', '/messages/phone', { number: value, language: 'es' }),
    'phone-code': (value) => send('POST', '/messages/phone/confirm', { code: value }),
    'sms-answer': (value) =>
      answer('/messages/twilio/inbound', { From: '+12025550187', Body: value, MessageSid: sid() }),
    'sms-receipt': (value) =>
      answer(`/messages/twilio/status?message=${newId()}`, { MessageSid: sid(), MessageStatus: 'sent', From: value }),
  }
}
