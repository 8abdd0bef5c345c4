import { randomUUID } from 'node:crypto'
import { ApiError } from '../../api/http/api-error.ts'
import type { Area } from '../../api/http/area.ts'
import { errorAnswer } from '../../api/http/error-answer.ts'
import { readInput } from '../../api/http/read-input.ts'
import { failures, type RouteDescription } from '../../api/http/route.ts'
import type { Accounts } from '../account/accounts.ts'
import { credentialOf, emailHandle } from '../account/handle.ts'
import type { SignInGuard } from '../limits/sign-in-guard.ts'
import type { Opaque } from '../opaque/opaque.ts'
import type { Sealing } from '../sealing/seal.ts'
import type { Attempts } from './attempts.ts'
import { passwordRecord, recoveryRecord } from './records.ts'
import {
  registrationAnswer,
  registrationRequest,
  signUpAnswer,
  signUpRequest,
  startAnswer,
  startRequest,
} from './wire.ts'

const refusals = { 400: errorAnswer, 403: errorAnswer, 415: errorAnswer } as const

const routes = {
  signUpStart: {
    method: 'POST',
    path: '/auth/sign-up/start',
    summary: 'First message of a sign-up',
    authenticated: false,
    limit: 'auth_endpoints',
    body: registrationRequest,
    answers: { 200: registrationAnswer, ...refusals, ...failures },
  },
  signUp: {
    method: 'POST',
    path: '/auth/sign-up',
    summary:
      'Second message of a sign-up; an address that is taken keeps the account it has, and the answer is the same',
    authenticated: false,
    limit: 'auth_endpoints',
    body: signUpRequest,
    answers: { 200: signUpAnswer, ...refusals, ...failures },
  },
  signInStart: {
    method: 'POST',
    path: '/auth/sign-in/start',
    summary:
      'First message of a sign-in; the second goes to /auth/token. An unknown address is answered like any other',
    authenticated: false,
    limit: 'auth_endpoints',
    body: startRequest,
    answers: { 200: startAnswer, ...refusals, ...failures },
  },
} as const satisfies Record<string, RouteDescription>

export interface PasswordAreaParts {
  accounts: Accounts
  attempts: Attempts
  opaque: () => Promise<Opaque>
  sealing: Sealing
  guard: SignInGuard
  /** Milliseconds since the epoch. */
  now: () => number
}

/** Sign-up and sign-in by a password that stays on the device. */
export function passwordArea({ accounts, attempts, opaque, sealing, guard, now }: PasswordAreaParts): Area {
  return {
    routes,
    register: (server) => {
      server.post(routes.signUpStart.path, async (request) => {
        const { email, registration_request } = readInput(registrationRequest, request.body)
        const registration = randomUUID()
        const credential = credentialOf(sealing, emailHandle(sealing, email), registration)
        return {
          registration_id: registration,
          registration_response: (await opaque()).register(credential, registration_request),
        }
      })
      server.post(routes.signUp.path, async (request) => {
        const asked = readInput(signUpRequest, request.body)
        if (!(await opaque()).accepts(asked.registration_record)) throw new ApiError('BAD_REQUEST')
        await accounts.create({
          handle: emailHandle(sealing, asked.email),
          email: asked.email,
          tier: 'free',
          password: passwordRecord(asked),
          recovery: recoveryRecord(asked.recovery),
          now: now(),
        })
        return {}
      })
      server.post(routes.signInStart.path, async (request, reply) => {
        const { email, login_request, challenge } = readInput(startRequest, request.body)
        const handle = emailHandle(sealing, email)
        await guard.begin(handle, request.ip, challenge)
        const begun = await attempts.start(handle, login_request)
        void reply.header('cache-control', 'no-store')
        return { attempt_id: begun.attempt, login_response: begun.response, kdf: begun.kdf }
      })
    },
  }
}
