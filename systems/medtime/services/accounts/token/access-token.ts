import { SignJWT } from 'jose'
import type { Account } from '../account/accounts.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'

/** Seconds an access token is good for: BACKEND-ARCH-001 §5.5.1. */
export const accessSeconds = 3_600

export interface AccessTokens {
  /** @param authenticatedAt when the person of the session showed who they are */
  sign(account: Account, session: string, authenticatedAt: Date): Promise<string>
}

export interface AccessTokensOptions {
  keys: SigningKeys
  issuer: string
  audience: string
  /** Milliseconds since the epoch. */
  now: () => number
}

/** JWTs, RS256, with the claims of BACKEND-ARCH-001 §5.5.1 `sid`, the session they belong to, and `auth_time` (OpenID Connect Core §2). */
export function createAccessTokens({ keys, issuer, audience, now }: AccessTokensOptions): AccessTokens {
  return {
    sign: async ({ user, email, tier }, session, authenticatedAt) => {
      const { kid, privateKey } = await keys.signing()
      const issuedAt = Math.floor(now() / 1000)
      return new SignJWT({ email, tier, sid: session, auth_time: Math.floor(authenticatedAt.getTime() / 1000) })
        .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
        .setSubject(user)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + accessSeconds)
        .sign(privateKey)
    },
  }
}
