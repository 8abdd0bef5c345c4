import { randomUUID } from 'node:crypto'
import type { Database } from '../../api/database.ts'
import { ApiError } from '../../api/http/api-error.ts'
import { type Area, identityOf } from '../../api/http/area.ts'
import { errorAnswer } from '../../api/http/error-answer.ts'
import { readInput } from '../../api/http/read-input.ts'
import { failures, type RouteDescription } from '../../api/http/route.ts'
import type { Accounts } from '../account/accounts.ts'
import { credentialOf, emailHandle } from '../account/handle.ts'
import type { SignInGuard } from '../limits/sign-in-guard.ts'
import type { Opaque } from '../opaque/opaque.ts'
import type { Sealing } from '../sealing/seal.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Attempts } from './attempts.ts'
import { passwordRecord, recoveryRecord } from './records.ts'
import { changeRequest, changeStartAnswer, changeStartRequest, done } from './wire.ts'

const routes = {
  start: {
    method: 'POST',
    path: '/auth/password/start',
    summary: 'First message of a change: the present password is shown again, whoever holds the access token',
    authenticated: true,
    limit: 'auth_endpoints',
    body: changeStartRequest,
    answers: { 200: changeStartAnswer, 400: errorAnswer, 403: errorAnswer, 415: errorAnswer, ...failures },
  },
  change: {
    method: 'POST',
    path: '/auth/password',
    summary: 'Second message of a change; every other session ends',
    authenticated: true,
    limit: 'auth_endpoints',
    body: changeRequest,
    answers: { 200: done, 400: errorAnswer, 415: errorAnswer, ...failures },
  },
} as const satisfies Record<string, RouteDescription>

export interface ChangeAreaParts {
  database: Database
  accounts: Accounts
  attempts: Attempts
  opaque: () => Promise<Opaque>
  sealing: Sealing
  guard: SignInGuard
  sessions: Sessions
  /** Milliseconds since the epoch. */
  now: () => number
}

/** Another password for the same data: the master key is wrapped anew and stays what it was. */
export function changeArea(parts: ChangeAreaParts): Area {
  const { database, accounts, attempts, opaque, sealing, guard, sessions, now } = parts
  const handleOf = async (user: string) => {
    const account = await database.transaction(user, (run) => accounts.read(run, user))
    if (account === undefined) throw new ApiError('UNAUTHENTICATED')
    return emailHandle(sealing, account.email)
  }
  return {
    routes,
    register: (server, gate) => {
      server.post(routes.start.path, { onRequest: gate.authenticate }, async (request) => {
        const asked = readInput(changeStartRequest, request.body)
        const handle = await handleOf(identityOf(request).user)
        await guard.begin(handle, request.ip, asked.challenge)
        const begun = await attempts.start(handle, asked.login_request)
        const registration = randomUUID()
        const credential = credentialOf(sealing, handle, registration)
        return {
          attempt_id: begun.attempt,
          login_response: begun.response,
          kdf: begun.kdf,
          registration_id: registration,
          registration_response: (await opaque()).register(credential, asked.registration_request),
        }
      })
      server.post(routes.change.path, { onRequest: gate.authenticate }, async (request) => {
        const asked = readInput(changeRequest, request.body)
        const { user, session } = identityOf(request)
        if (!(await opaque()).accepts(asked.registration_record)) throw new ApiError('BAD_REQUEST')
        const shown = await attempts.finish(asked.attempt_id, asked.finish_request)
        if (shown.handle === undefined || shown.user !== user) throw new ApiError('SIGN_IN_FAILED')
        await database.transaction(user, async (run) => {
          // Nobody begins a session by the old password while it is replaced.
          if ((await accounts.read(run, user, true)) === undefined) throw new ApiError('SIGN_IN_FAILED')
          await accounts.setPassword(run, user, passwordRecord(asked), now())
          if (asked.recovery !== undefined) await accounts.setRecovery(run, user, recoveryRecord(asked.recovery), now())
          await sessions.endOthers(run, user, session, 'password_changed')
        })
        await guard.succeeded(shown.handle, request.ip)
        return {}
      })
    },
  }
}
