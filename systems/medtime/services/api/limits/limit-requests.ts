import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError } from '../http/api-error.ts'
import type { HttpMetrics } from '../http/metrics.ts'
import { type RouteDescription, routerPath } from '../http/route.ts'
import type { Identity } from '../identity/token.ts'
import { countedAddress } from './client-address.ts'
import type { Demand, Limiter } from './limiter.ts'
import { rateLimits } from './rate-limits.ts'

export interface RequestLimits {
  limiter: Limiter
  routes: readonly RouteDescription[]
  metrics: HttpMetrics
  /** Whether requests from an address are not counted; never in production. */
  exempt: (address: string) => boolean
}

/** What follows the check of a token. */
export interface TokenLimits {
  /** @throws ApiError RATE_LIMITED when the address showed too many bad tokens */
  tokenRefused(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** @throws ApiError RATE_LIMITED when the address, the user or the class of the request is at its limit */
  tokenAccepted(request: FastifyRequest, reply: FastifyReply, identity: Identity): Promise<void>
}

/**
 * Counts every request, in the order of BACKEND-ARCH-001 §5.1: by address before a token is looked at, by address, user and
 * class after it. What needs no token, or brings none, is counted at once; what brings one when that was checked.
 */
export function limitRequests(
  server: FastifyInstance,
  { limiter, routes, metrics, exempt }: RequestLimits,
): TokenLimits {
  const known = new Map(routes.map((route) => [`${route.method} ${routerPath(route)}`, route]))
  const routeOf = ({ method, routeOptions }: FastifyRequest) =>
    known.get(`${method === 'HEAD' ? 'GET' : method} ${routeOptions.url ?? ''}`)

  const take = async (request: FastifyRequest, reply: FastifyReply, demands: Demand[], identity: Identity | null) => {
    const standing = await limiter.take(demands, identity?.tier ?? 'free')
    void reply.headers({
      'x-ratelimit-limit': standing.of,
      'x-ratelimit-remaining': standing.remaining,
      'x-ratelimit-reset': standing.resetSeconds,
    })
    if (standing.allowed) return
    void reply.header('retry-after', Math.max(1, standing.waitSeconds))
    metrics.limited(standing.limit, identity?.tier ?? 'none', addressOf(request))
    throw new ApiError('RATE_LIMITED')
  }
  const withoutToken = async (request: FastifyRequest, reply: FastifyReply) => {
    if (exempt(request.ip)) return
    const address = addressOf(request)
    const own = routeOf(request)?.limit
    const demands: Demand[] = [{ limit: 'address_unauthenticated', subject: address }]
    if (own !== undefined && own !== 'none' && rateLimits[own].per === 'address') {
      demands.push({ limit: own, subject: address })
    }
    await take(request, reply, demands, null)
  }

  server.addHook('onRequest', async (request, reply) => {
    const route = routeOf(request)
    if (route?.limit === 'none') return
    if (route?.authenticated === true && request.headers.authorization !== undefined) return
    await withoutToken(request, reply)
  })
  return {
    tokenRefused: async (request, reply) => {
      if (request.headers.authorization !== undefined) await withoutToken(request, reply)
    },
    tokenAccepted: async (request, reply, identity) => {
      if (exempt(request.ip)) return
      const address = addressOf(request)
      const own = routeOf(request)?.limit
      const demands: Demand[] = [
        { limit: 'address_authenticated', subject: address },
        { limit: 'user_total', subject: identity.user },
      ]
      if (own !== undefined && own !== 'none') {
        demands.push({ limit: own, subject: rateLimits[own].per === 'user' ? identity.user : address })
      }
      await take(request, reply, demands, identity)
    },
  }
}

function addressOf(request: FastifyRequest): string {
  return countedAddress(request.ip, countedAddress(request.socket.remoteAddress ?? '', 'unknown'))
}
