import Fastify, { type FastifyInstance } from 'fastify'
import { type CryptoKey, exportJWK, SignJWT } from 'jose'
import { z } from 'zod'

export interface IssuerOptions {
  keys: { privateKey: CryptoKey; publicKey: CryptoKey; id: string }
  /** `iss` and `aud` of its tokens. */
  issuer: string
  audience: string
  /** Milliseconds since the epoch. */
  now: () => number
}

const tokenRequest = z.strictObject({
  sub: z.guid(),
  email: z.string().min(1).max(254),
  tier: z.enum(['free', 'pro', 'perfect']),
  expires_in: z.int().min(-86_400).max(86_400).default(3_600),
  auth_age: z.int().min(0).max(86_400).default(0).describe('Seconds since the person signed in.'),
  claims: z
    .record(z.string(), z.string().nullable())
    .describe('Claims in place of the usual ones, null for none: tokens that whoever checks them must refuse.')
    .default({}),
})

/**
 * An issuer for development: it signs a token for whatever identity it is asked for. The real one checks who asks.
 * Routes: POST /token, GET /.well-known/jwks.json, GET /health.
 */
export async function createIssuer({ keys, issuer, audience, now }: IssuerOptions): Promise<FastifyInstance> {
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: keys.id, alg: 'RS256', use: 'sig' }
  const server = Fastify({ logger: false, forceCloseConnections: 'idle' })
  server.setErrorHandler((_error, _request, reply) => reply.code(400).send(refusal))
  server.get('/health', async () => ({ status: 'ok' }))
  server.get('/.well-known/jwks.json', async () => ({ keys: [jwk] }))
  server.post('/token', async (request, reply) => {
    const asked = tokenRequest.safeParse(request.body)
    if (!asked.success) return reply.code(400).send(refusal)
    const { sub, email, tier, expires_in, auth_age, claims } = asked.data
    const iat = Math.floor(now() / 1000)
    const usual = {
      sub,
      email,
      tier,
      iss: issuer,
      aud: audience,
      iat,
      exp: iat + expires_in,
      auth_time: iat - auth_age,
    }
    const payload = Object.fromEntries(Object.entries({ ...usual, ...claims }).filter(([, claim]) => claim !== null))
    const token = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', kid: keys.id, typ: 'JWT' })
      .sign(keys.privateKey)
    return { access_token: token, token_type: 'Bearer', expires_in }
  })
  return server
}

const refusal = {
  error: { code: 'BAD_REQUEST', message: 'Send sub (a UUID), email, tier, and expires_in if you like.' },
}
