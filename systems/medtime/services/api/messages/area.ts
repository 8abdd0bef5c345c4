import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Database } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import { type Area, identityOf } from '../http/area.ts'
import { readInput } from '../http/read-input.ts'
import { routerPath } from '../http/route.ts'
import { registerDevice } from './devices.ts'
import { createEnqueue } from './enqueue.ts'
import { askForCode, confirmPhone } from './phone.ts'
import { messagesRoutes as routes } from './routes.ts'
import type { MessagesSettings } from './settings.ts'
import { createMessagesStore } from './store.ts'
import { takeInbound, takeReceipt, type WebhookParts, type WebhookRequest } from './twilio-webhook.ts'
import { type DeviceRequest, devicePath, type PhoneRequest } from './wire.ts'

/** Bytes of one request; a token may have 4,096. */
const bodyLimit = 8_192
/** A form of Twilio holds an SMS of 1,600 characters, each up to nine bytes, and its names. */
const formLimit = 32_768

/** Where messages to a user go, and what the provider of SMS tells. */
export function messagesArea(options: { database: Database; settings: MessagesSettings; now: () => number }): Area {
  const { settings, now } = options
  const { vault } = settings
  const store = createMessagesStore(options.database)
  const parts = { ...settings, store, now, enqueue: createEnqueue({ vault, now }) }
  return {
    routes,
    register: (server, { authenticate }) => {
      const reading = { onRequest: authenticate }
      const writing = (body: z.ZodType) => ({
        bodyLimit,
        schema: { body: z.toJSONSchema(body, { target: 'draft-7', io: 'input' }) },
        onRequest: authenticate,
      })
      const path = (route: keyof typeof routes) => routerPath(routes[route])

      server.put<{ Body: DeviceRequest }>(path('putDevice'), writing(routes.putDevice.body), async (request) => {
        await registerDevice(identityOf(request).user, deviceOf(request), request.body, parts)
        return {}
      })
      server.get(path('devices'), reading, async (request) => ({
        devices: await store.devices(identityOf(request).user),
      }))
      server.delete(path('deleteDevice'), reading, async (request) => {
        await store.deleteDevice(identityOf(request).user, deviceOf(request))
        return {}
      })
      server.put<{ Body: PhoneRequest }>(path('putPhone'), writing(routes.putPhone.body), async (request, reply) => {
        const asked = await askForCode(identityOf(request).user, request.body, parts)
        if ('notBefore' in asked) throw tooSoon(reply, asked.notBefore, now())
        return { expires_at: asked.expires.toISOString() }
      })
      server.post<{ Body: { code: string } }>(
        path('confirmPhone'),
        writing(routes.confirmPhone.body),
        async (request) => {
          const at = await confirmPhone(identityOf(request).user, request.body.code, parts)
          return { confirmed_at: at.toISOString() }
        },
      )
      server.get(path('phone'), reading, async (request) => {
        const at = await store.confirmedAt(identityOf(request).user)
        return { confirmed_at: at === undefined ? null : at.toISOString() }
      })
      server.delete(path('deletePhone'), reading, async (request) => {
        await store.forgetPhone(identityOf(request).user)
        return {}
      })
      // A scope of its own: here alone forms are read.
      server.register(async (scope) => registerWebhooks(scope, parts))
    },
  }
}

function registerWebhooks(scope: FastifyInstance, parts: WebhookParts): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: formLimit },
    (_request, body, done) => done(null, body),
  )
  scope.post(routes.status.path, async (request) => {
    await takeReceipt(webhookRequest(request), request.query, parts)
    return {}
  })
  scope.post(routes.inbound.path, async (request, reply) => {
    await takeInbound(webhookRequest(request), parts)
    // No answer to the person: Twilio sends its own to STOP and START.
    return reply.type('text/xml; charset=utf-8').send('<?xml version="1.0" encoding="UTF-8"?><Response/>')
  })
}

function webhookRequest(request: FastifyRequest): WebhookRequest {
  const signature = request.headers['x-twilio-signature']
  return {
    target: request.raw.url ?? '',
    signature: typeof signature === 'string' ? signature : undefined,
    form: new URLSearchParams(typeof request.body === 'string' ? request.body : ''),
  }
}

function deviceOf({ params }: FastifyRequest): string {
  return readInput(devicePath, params).id
}

function tooSoon(reply: FastifyReply, notBefore: Date, now: number): ApiError {
  void reply.header('retry-after', String(Math.max(1, Math.ceil((notBefore.getTime() - now) / 1_000))))
  return new ApiError('RATE_LIMITED')
}
