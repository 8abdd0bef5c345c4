import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import { askProvider } from '../request.ts'
import type { ServiceAccount } from './service-account.ts'

export interface AccessTokens {
  /** A token that is valid for another minute at least. @throws TokenRefused */
  get(): Promise<string>
  /** The present one was not accepted: the next is a new one. */
  forget(): void
}

/** No token was given out. */
export class TokenRefused extends Error {}

const scope = 'https://www.googleapis.com/auth/firebase.messaging'
const answer = z.object({
  access_token: z.string().min(1),
  expires_in: z.number().positive(),
  token_type: z.literal('Bearer'),
})
const marginMs = 60_000

/**
 * Access tokens of a service account: a JWT signed with its key, exchanged at the token endpoint (RFC 7523). One is asked for at a time and
 * used until a minute before it ends.
 */
export function createAccessTokens(account: ServiceAccount, now: () => number): AccessTokens {
  let kept: { token: string; until: number } | undefined
  let asking: Promise<string> | undefined
  const ask = async (): Promise<string> => {
    const key = await importPKCS8(account.private_key, 'RS256')
    const issuedAt = Math.floor(now() / 1000)
    const assertion = await new SignJWT({ scope })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: account.private_key_id })
      .setIssuer(account.client_email)
      .setAudience(account.token_uri)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + 3_600)
      .sign(key)
    const body = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
    const answered = await askProvider(account.token_uri, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: body.toString(),
    })
    const result = answered.kind === 'answered' && answered.status === 200 ? answer.safeParse(answered.json) : undefined
    if (result?.success !== true) throw new TokenRefused()
    kept = { token: result.data.access_token, until: now() + result.data.expires_in * 1_000 - marginMs }
    return kept.token
  }
  return {
    get: () => {
      if (kept !== undefined && kept.until > now()) return Promise.resolve(kept.token)
      asking ??= ask().finally(() => {
        asking = undefined
      })
      return asking
    },
    forget: () => {
      kept = undefined
    },
  }
}
