import { createHmac } from 'node:crypto'
import type { Occasion } from 'aval'
import { developmentAuthToken, developmentOrigin } from '../services/api/messages/settings.ts'
import { loginRequest } from './behaviours/unknown-accounts.ts'
import type { PathTools } from './path-tools.ts'

/** What MedTime counts only when a dependency is away, or somebody wants no SMS any more. */
export function allOccasions({
  address,
  credentials,
  newId,
}: Pick<PathTools, 'address' | 'credentials' | 'newId'>): Occasion[] {
  const ask = async (service: string, path: string, init: RequestInit, signal: AbortSignal): Promise<number> => {
    const response = await fetch(new URL(path, address(service)), { ...init, signal })
    await response.arrayBuffer()
    return response.status
  }
  const fails = (status: number) => {
    if (status < 500) throw new Error(`it answered ${status} without its database`)
  }
  const json = (method: string, body: unknown, headers: Record<string, string> = {}): RequestInit => ({
    method,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
  return [
    {
      service: 'api',
      metric: 'http_errors_total',
      without: 'database',
      give: async (signal) => fails(await ask('api', '/sync/status', { headers: await credentials() }, signal)),
    },
    {
      service: 'accounts',
      metric: 'http_errors_total',
      without: 'database',
      give: async (signal) =>
        fails(
          await ask(
            'accounts',
            '/auth/sign-in/start',
            json('POST', { email: 'ana@example.test', login_request: loginRequest }),
            signal,
          ),
        ),
    },
    // What nobody takes is dropped, and counted as refused.
    ...['messenger', 'catalog'].map(
      (service): Occasion => ({
        service,
        metric: 'telemetry_refused_total',
        without: 'collector',
        give: async () => undefined,
      }),
    ),
    {
      service: 'messenger',
      metric: 'sms_messages_total',
      // Whoever answered STOP asks for a code all the same: it is not sent, and counted as rejected.
      give: async (signal) => {
        const number = '+12025550143'
        const form = { Body: 'STOP', From: number, MessageSid: `SM${newId().replaceAll('-', '')}`, To: '+15005550006' }
        const path = '/messages/twilio/inbound'
        const text = Object.entries(form).map(([name, value]) => name + value)
        const stopped = await ask(
          'api',
          path,
          {
            method: 'POST',
            body: new URLSearchParams(form).toString(),
            headers: {
              'content-type': 'application/x-www-form-urlencoded',
              'x-twilio-signature': createHmac('sha1', developmentAuthToken)
                .update(developmentOrigin + path + text.join(''))
                .digest('base64'),
            },
          },
          signal,
        )
        const asked = await ask(
          'api',
          '/messages/phone',
          json('PUT', { number, language: 'es' }, await credentials()),
          signal,
        )
        if (stopped !== 200 || asked !== 200)
          throw new Error(`STOP was answered with ${stopped}, asking for a code with ${asked}`)
      },
    },
  ]
}
