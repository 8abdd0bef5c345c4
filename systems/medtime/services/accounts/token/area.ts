import type { FastifyRequest } from 'fastify'
import { ApiError } from '../../api/http/api-error.ts'
import type { Area } from '../../api/http/area.ts'
import { errorAnswer } from '../../api/http/error-answer.ts'
import { readInput } from '../../api/http/read-input.ts'
import { failures, type RouteDescription } from '../../api/http/route.ts'
import { emailHandle } from '../account/handle.ts'
import type { IdTokens, Vouched } from '../identity/id-token.ts'
import type { SignInGuard } from '../limits/sign-in-guard.ts'
import type { Metrics } from '../metrics.ts'
import type { Attempts } from '../password/attempts.ts'
import type { Sealing } from '../sealing/seal.ts'
import type { Given, SecondFactorShown, SignIn } from './sign-in.ts'
import { type TokenAnswer, tokenAnswer, tokenRequest } from './wire.ts'

const routes = {
  token: {
    method: 'POST',
    path: '/auth/token',
    summary: 'Gives tokens for a sign-in that was begun, and the next tokens for a refresh token',
    authenticated: false,
    limit: 'auth_endpoints',
    body: tokenRequest,
    answers: { 200: tokenAnswer, 400: errorAnswer, 403: errorAnswer, 415: errorAnswer, ...failures },
  },
} as const satisfies Record<string, RouteDescription>

export interface TokenAreaParts {
  attempts: Attempts
  idTokens: IdTokens
  userOf: (vouched: Vouched) => Promise<string>
  sealing: Sealing
  signIn: SignIn
  guard: SignInGuard
  metrics: Metrics
}

export function tokenArea({ attempts, idTokens, userOf, sealing, signIn, guard, metrics }: TokenAreaParts): Area {
  /** A whole sign-in, by how it ended; one that goes on with a second factor has not ended yet. */
  const counted = async (work: () => Promise<Given>): Promise<TokenAnswer> => {
    try {
      const { tokens } = await work()
      metrics.login('success', tokens.tier)
      return tokens
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.code === 'SIGN_IN_FAILED') metrics.login('failure', 'none')
      throw thrown
    }
  }
  /** Only a sign-in that came to its end clears what was counted against the account. */
  const passed = async (given: Given, { ip }: FastifyRequest): Promise<Given> => {
    await guard.succeeded(emailHandle(sealing, given.account.email), ip)
    return given
  }
  const goOn = async (ticket: string, shown: SecondFactorShown): Promise<Given> => {
    const { method } = shown
    const measured = method === 'totp' || method === 'sms' ? method : undefined
    try {
      const given = await signIn.goOn(ticket, shown)
      if (measured !== undefined) metrics.secondFactor(measured, 'success')
      return given
    } catch (thrown) {
      if (measured !== undefined && thrown instanceof ApiError) metrics.secondFactor(measured, 'failure')
      throw thrown
    }
  }
  return {
    routes,
    register: (server) => {
      server.post(routes.token.path, async (request, reply) => {
        const asked = readInput(tokenRequest, request.body)
        void reply.header('cache-control', 'no-store')
        switch (asked.grant_type) {
          case 'opaque':
            return counted(async () => {
              const { user } = await attempts.finish(asked.attempt_id, asked.finish_request)
              if (user === undefined) throw new ApiError('SIGN_IN_FAILED')
              const { device_id: device, replaces } = asked
              const first = { user, device, withKey: true, secondFactor: false, replaces }
              return passed(await signIn.begin(first), request)
            })
          case 'id_token':
            return counted(async () => {
              const vouched = await idTokens.check(asked.provider, asked.id_token)
              const user = await userOf(vouched)
              const { secondFactor, authenticatedAt } = vouched
              const { device_id: device, replaces } = asked
              return signIn.begin({ user, device, withKey: false, secondFactor, authenticatedAt, replaces })
            })
          case 'second_factor':
            return counted(async () => {
              const { method, code, replaces } = asked
              return passed(await goOn(asked.ticket, { method, code, replaces }), request)
            })
          case 'refresh_token': {
            const tokens = await signIn.refresh(asked.refresh_token, asked.retry_key)
            metrics.refreshed()
            return tokens
          }
        }
      })
    },
  }
}
