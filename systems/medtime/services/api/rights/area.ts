import { Readable } from 'node:stream'
import { z } from 'zod'
import type { Database } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import { type Area, identityOf } from '../http/area.ts'
import { readInput } from '../http/read-input.ts'
import { routerPath } from '../http/route.ts'
import { requireRecentSignIn } from '../identity/recent-sign-in.ts'
import { backupsExpireAt } from './backup-expiry.ts'
import { consentRecord } from './consents.ts'
import { exportOf } from './export.ts'
import { rightsRoutes as routes } from './routes.ts'
import { type Consents, consentRequest, erasureAnswer, erasureQuery, textParams, texts } from './wire.ts'

/** What a person may ask of whoever keeps their data, TECH-INF-001 §7.4. */
export function rightsArea({ database, now }: { database: Database; now: () => number }): Area {
  const record = consentRecord(database)
  const told = (consents: Consents) => ({ consents })
  return {
    routes,
    register: (server, gate) => {
      server.get(routes.texts.path, async () => texts)
      server.get(routes.consents.path, { onRequest: gate.authenticate }, async (request) =>
        told(await record.list(identityOf(request).user)),
      )
      server.post(
        routes.consent.path,
        {
          schema: { body: z.toJSONSchema(routes.consent.body, { target: 'draft-7', io: 'input' }) },
          onRequest: gate.authenticate,
        },
        async (request) => {
          const { text_id } = readInput(consentRequest, request.body)
          return told(await record.give(identityOf(request).user, text_id, new Date(now())))
        },
      )
      server.delete(routerPath(routes.withdraw), { onRequest: gate.authenticate }, async (request) => {
        const { text } = readInput(textParams, request.params)
        return told(await record.withdraw(identityOf(request).user, text, new Date(now())))
      })
      server.get(routes.export.path, { onRequest: gate.authenticate }, async (request, reply) => {
        const identity = identityOf(request)
        requireRecentSignIn(identity, now())
        const answer = Readable.from(exportOf(identity.user, database, now), { objectMode: false })
        return reply
          .type('application/json; charset=utf-8')
          .header('content-disposition', 'attachment; filename="medtime.json"')
          .send(answer)
      })
      server.delete(routes.erase.path, { onRequest: gate.authenticate }, async (request) => {
        const identity = identityOf(request)
        const { user } = identity
        const { confirm } = readInput(erasureQuery, request.query)
        if (confirm.toLowerCase() !== user) throw new ApiError('BAD_REQUEST', { message: 'Malformed: confirm' })
        requireRecentSignIn(identity, now())
        const at = now()
        const rows = await database.transaction(user, (run) =>
          run<{ erased: boolean }>('erase-account', 'SELECT public.srv_erase_account($1,$2) AS erased', [
            user,
            new Date(at),
          ]),
        )
        return erasureAnswer.parse({
          erased: rows[0]?.erased ?? false,
          backups_expire_at: backupsExpireAt(at).toISOString(),
        })
      })
    },
  }
}
