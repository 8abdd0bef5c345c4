import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Database, Run } from '../../api/database.ts'
import { ApiError } from '../../api/http/api-error.ts'
import { type Area, identityOf } from '../../api/http/area.ts'
import { errorAnswer } from '../../api/http/error-answer.ts'
import { readInput } from '../../api/http/read-input.ts'
import { failures, type RouteDescription } from '../../api/http/route.ts'
import { requireRecentSignIn } from '../../api/identity/recent-sign-in.ts'
import { noteAudit } from '../../api/rights/audit.ts'
import type { Accounts } from '../account/accounts.ts'
import { emailHandle } from '../account/handle.ts'
import { speakAs } from '../account/speak-as.ts'
import type { SignInGuard } from '../limits/sign-in-guard.ts'
import type { Opaque } from '../opaque/opaque.ts'
import { passwordRecord, proofHash, recoveryRecord } from '../password/records.ts'
import { done, recoverAnswer, recoverRequest, recovery, resetRequest } from '../password/wire.ts'
import type { Sealing } from '../sealing/seal.ts'
import type { Sessions } from '../sessions/sessions.ts'

const refusals = { 400: errorAnswer, 403: errorAnswer, 415: errorAnswer } as const
const setUp = z.strictObject({ recovery })

const routes = {
  recover: {
    method: 'POST',
    path: '/auth/recovery',
    summary: 'The master key for whoever shows that they hold the recovery code',
    authenticated: false,
    limit: 'auth_endpoints',
    body: recoverRequest,
    answers: { 200: recoverAnswer, ...refusals, ...failures },
  },
  reset: {
    method: 'POST',
    path: '/auth/recovery/password',
    summary: 'Another password and another recovery code, by the recovery code; every session ends',
    authenticated: false,
    limit: 'auth_endpoints',
    body: resetRequest,
    answers: { 200: done, ...refusals, ...failures },
  },
  read: {
    method: 'GET',
    path: '/auth/recovery',
    summary: 'The master key as the recovery code wraps it, for somebody who signed in without a password',
    authenticated: true,
    answers: { 200: recoverAnswer, 404: errorAnswer, ...failures },
  },
  setUp: {
    method: 'PUT',
    path: '/auth/recovery',
    summary: 'The first recovery code of an account that has none, within 5 minutes of a sign-in',
    authenticated: true,
    body: setUp,
    answers: { 200: done, 400: errorAnswer, 415: errorAnswer, ...failures },
  },
} as const satisfies Record<string, RouteDescription>

export interface RecoveryAreaParts {
  database: Database
  accounts: Accounts
  opaque: () => Promise<Opaque>
  sealing: Sealing
  guard: SignInGuard
  sessions: Sessions
  /** Milliseconds since the epoch. */
  now: () => number
}

const nobody = '00000000-0000-4000-8000-000000000000'

/** What the recovery code opens: the master key, and a way to another password. */
export function recoveryArea(parts: RecoveryAreaParts): Area {
  const { database, accounts, opaque, sealing, guard, sessions, now } = parts

  /** Goes the same way for an address without an account. @throws ApiError SIGN_IN_FAILED when the proof is wrong */
  const proven = async <T>(
    email: string,
    proof: string,
    work: (run: Run, user: string, wrappedMasterKey: Buffer) => Promise<T>,
  ): Promise<T> =>
    database.transaction(null, async (run) => {
      const user = await accounts.find(run, emailHandle(sealing, email))
      await speakAs(run, user ?? nobody)
      await accounts.read(run, user ?? nobody, true)
      const kept = await accounts.recovery(run, user ?? nobody)
      const given = proofHash(proof)
      const right = timingSafeEqual(given, kept?.proofHash ?? Buffer.alloc(given.length))
      if (user === undefined || kept === undefined || !right) throw new ApiError('SIGN_IN_FAILED')
      return work(run, user, kept.wrappedMasterKey)
    })

  return {
    routes,
    register: (server, gate) => {
      server.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'))
      server.post(routes.recover.path, async (request) => {
        const { email, proof, challenge } = readInput(recoverRequest, request.body)
        const handle = emailHandle(sealing, email)
        await guard.begin(handle, request.ip, challenge)
        const wrapped = await proven(email, proof, async (run, user, key) => {
          await noteAudit(run, user, 'recovery_used', new Date(now()))
          return key
        })
        await guard.succeeded(handle, request.ip)
        return { wrapped_master_key: wrapped.toString('base64') }
      })
      server.post(routes.reset.path, async (request) => {
        const asked = readInput(resetRequest, request.body)
        if (!(await opaque()).accepts(asked.registration_record)) throw new ApiError('BAD_REQUEST')
        await proven(asked.email, asked.proof, async (run, user) => {
          await accounts.setPassword(run, user, passwordRecord(asked), now())
          await accounts.setRecovery(run, user, recoveryRecord(asked.recovery), now())
          await sessions.endOthers(run, user, undefined, 'recovered')
        })
        return {}
      })
      server.get(routes.read.path, { onRequest: gate.authenticate }, async (request) => {
        const { user } = identityOf(request)
        const kept = await database.transaction(user, (run) => accounts.recovery(run, user))
        if (kept === undefined) throw new ApiError('NOT_FOUND')
        return { wrapped_master_key: kept.wrappedMasterKey.toString('base64') }
      })
      server.put(routes.setUp.path, { onRequest: gate.authenticate }, async (request) => {
        const asked = readInput(setUp, request.body)
        const identity = identityOf(request)
        requireRecentSignIn(identity, now())
        const { user } = identity
        await database.transaction(user, async (run) => {
          await accounts.read(run, user, true)
          // Whoever stole a token must not be able to let themselves in for ever.
          if ((await accounts.recovery(run, user)) !== undefined) throw new ApiError('SIGN_IN_FAILED')
          await accounts.setRecovery(run, user, recoveryRecord(asked.recovery), now())
        })
        return {}
      })
    },
  }
}
