import { ApiError } from '../../api/http/api-error.ts'
import type { Area } from '../../api/http/area.ts'
import { errorAnswer } from '../../api/http/error-answer.ts'
import { failures, type RouteDescription } from '../../api/http/route.ts'
import { readBody } from '../http/read-body.ts'
import type { SignInGuard } from '../limits/sign-in-guard.ts'
import type { Metrics } from '../metrics.ts'
import type { Attempts } from '../password/attempts.ts'
import type { SignIn } from './sign-in.ts'
import { tokenAnswer, tokenRequest } from './wire.ts'

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
  signIn: SignIn
  guard: SignInGuard
  metrics: Metrics
}

export function tokenArea({ attempts, signIn, guard, metrics }: TokenAreaParts): Area {
  return {
    routes,
    register: (server) => {
      server.post(routes.token.path, async (request, reply) => {
        const asked = readBody(tokenRequest, request.body)
        void reply.header('cache-control', 'no-store')
        switch (asked.grant_type) {
          case 'opaque': {
            const { user, handle } = await attempts.finish(asked.attempt_id, asked.finish_request)
            if (user === undefined || handle === undefined) {
              metrics.login('failure', 'none')
              throw new ApiError('SIGN_IN_FAILED')
            }
            await guard.succeeded(handle, request.ip)
            const tokens = await signIn.begin(user, asked.device_id, true)
            metrics.login('success', tokens.tier)
            return tokens
          }
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
