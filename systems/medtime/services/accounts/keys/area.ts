import { z } from 'zod'
import type { Area } from '../../api/http/area.ts'
import { failures, type RouteDescription } from '../../api/http/route.ts'
import type { SigningKeys } from './signing-keys.ts'

const jwk = z.object({
  kty: z.literal('RSA'),
  n: z.string(),
  e: z.string(),
  kid: z.string(),
  alg: z.literal('RS256'),
  use: z.literal('sig'),
})

const routes = {
  keys: {
    method: 'GET',
    path: '/.well-known/jwks.json',
    summary: 'The keys that tokens are checked with; fetched anew when a token names an unknown one',
    authenticated: false,
    answers: { 200: z.object({ keys: z.array(jwk) }), ...failures },
  },
} as const satisfies Record<string, RouteDescription>

/** The public halves of the signing keys. */
export function keysArea(keys: SigningKeys): Area {
  return {
    routes,
    register: (server) => {
      server.get(routes.keys.path, async (_request, reply) =>
        reply.header('cache-control', 'public, max-age=300').send(await keys.published()),
      )
    },
  }
}
