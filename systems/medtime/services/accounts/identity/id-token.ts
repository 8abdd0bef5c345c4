import { createHash } from 'node:crypto'
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { ApiError } from '../../api/http/api-error.ts'
import { parseHostile } from '../../api/http/read-input.ts'
import type { Tier } from '../account/accounts.ts'
import { email } from '../account/handle.ts'
import type { Provider } from './provider.ts'

/** Whom a provider vouches for. */
export interface Vouched {
  /** Issuer and subject together: of another provider the same subject is another person, and so is the same e-mail. */
  identity: string
  email: string
  /** Undefined where the provider does not keep tiers. */
  tier: Tier | undefined
  secondFactor: boolean
  /** When the provider saw the person: when they signed in there, or when the token was made where it does not say. */
  authenticatedAt: Date
  /** The token, which is taken once. */
  hash: Buffer
  expires: Date
}

export interface IdTokens {
  /** @throws ApiError SIGN_IN_FAILED for anything but a sound token of that provider, UNAVAILABLE without its keys */
  check(provider: string, token: string): Promise<Vouched>
}

const claims = z.object({
  iss: z.string(),
  sub: z.string().min(1).max(255),
  exp: z.number(),
  iat: z.number(),
  auth_time: z.number().optional(),
  email,
  // Apple says it in words.
  email_verified: z.union([z.boolean(), z.enum(['true', 'false'])]).optional(),
})
const tiers = z.enum(['free', 'pro', 'perfect'])
const discovery = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) })

const timeoutMs = 5_000

/** @param now milliseconds since the epoch */
export function createIdTokens(providers: readonly Provider[], now: () => number): IdTokens {
  const known = new Map(providers.map((each) => [each.name, { provider: each, keys: providerKeys(each) }]))
  return {
    check: async (name, token) => {
      const found = known.get(name)
      if (found === undefined) throw new ApiError('SIGN_IN_FAILED')
      const { provider, keys } = found
      const payload = await verified(token, provider, keys, now())
      const result = parseHostile(claims, payload)
      if (!result?.success) throw new ApiError('SIGN_IN_FAILED')
      const { iss, sub, exp, iat, auth_time, email: address, email_verified } = result.data
      if (email_verified === false || email_verified === 'false') throw new ApiError('SIGN_IN_FAILED')
      return {
        identity: JSON.stringify([iss, sub]),
        email: address,
        tier: provider.tier_claim === undefined ? undefined : tiers.catch('free').parse(payload[provider.tier_claim]),
        secondFactor: askedForSecond(payload, provider),
        authenticatedAt: new Date((auth_time ?? iat) * 1000),
        hash: createHash('sha256').update(token).digest(),
        expires: new Date(exp * 1000),
      }
    },
  }
}

async function verified(token: string, provider: Provider, keys: JWTVerifyGetKey, now: number): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      // Never none and nothing symmetric: a client secret signs for whoever knows it.
      algorithms: ['RS256', 'ES256', 'EdDSA', 'PS256'],
      issuer: provider.issuer,
      audience: provider.audience,
      requiredClaims: ['sub', 'exp', 'iat'],
      currentDate: new Date(now),
      clockTolerance: 5,
      maxTokenAge: '1h',
    })
    return payload
  } catch (thrown) {
    if (thrown instanceof ApiError) throw thrown
    const faultOfToken =
      thrown instanceof errors.JOSEError &&
      thrown.constructor !== errors.JOSEError &&
      !(thrown instanceof errors.JWKSTimeout || thrown instanceof errors.JWKSInvalid)
    throw new ApiError(faultOfToken ? 'SIGN_IN_FAILED' : 'UNAVAILABLE')
  }
}

function askedForSecond(payload: JWTPayload, { second_factor: wanted }: Provider): boolean {
  if (wanted === undefined) return false
  const claim = payload[wanted.claim]
  return claim === wanted.value || (Array.isArray(claim) && claim.includes(wanted.value))
}

/** The keys of a provider, whose place is asked for once it is needed. */
function providerKeys({ issuer, jwks_uri }: Provider): JWTVerifyGetKey {
  let keys: JWTVerifyGetKey | undefined
  const remote = (uri: string) =>
    createRemoteJWKSet(new URL(uri), { cooldownDuration: 5_000, timeoutDuration: timeoutMs })
  return async (header, token) => {
    keys ??= remote(jwks_uri ?? (await discover(issuer)))
    return keys(header, token)
  }
}

/** @throws ApiError UNAVAILABLE when the document is not there, or is of another issuer */
async function discover(issuer: string): Promise<string> {
  try {
    const response = await fetch(`${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`, {
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
    })
    const document = discovery.parse(await response.json())
    if (document.issuer !== issuer) throw new Error('the discovery document is of another issuer')
    return document.jwks_uri
  } catch {
    throw new ApiError('UNAVAILABLE')
  }
}
