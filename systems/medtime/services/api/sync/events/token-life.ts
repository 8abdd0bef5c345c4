import { z } from 'zod'

const claims = z.object({ exp: z.number() })

/**
 * When the token of a request ends, milliseconds since the epoch; 0 when that cannot be read.
 * @param authorization of a request whose token was checked: its signature is not looked at here
 */
export function tokenEnds(authorization: string | undefined): number {
  const payload = authorization?.split('.')[1] ?? ''
  try {
    return claims.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).exp * 1000
  } catch {
    return 0
  }
}
