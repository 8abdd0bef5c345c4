import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'

/*
 * What Postgres keeps of a SCRAM-SHA-256 password (RFC 5803): `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
 * Made on our side, the password itself never travels in a statement. Passwords here are ASCII, so that SASLprep changes none.
 */

const iterations = 4096

export function scramVerifier(password: string, salt: Uint8Array = randomBytes(16)): string {
  return verifier(password, salt, iterations)
}

/** Whether a stored verifier belongs to a password. Anything that is not such a verifier belongs to none. */
export function matchesVerifier(stored: string | null, password: string): boolean {
  const parts = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$/.exec(stored ?? '')
  if (stored === null || parts === null) return false
  const computed = verifier(password, Buffer.from(parts[2] ?? '', 'base64'), Number(parts[1]))
  return computed.length === stored.length && timingSafeEqual(Buffer.from(computed), Buffer.from(stored))
}

function verifier(password: string, salt: Uint8Array, rounds: number): string {
  const salted = pbkdf2Sync(password, salt, rounds, 32, 'sha256')
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64')
  const serverKey = hmac('Server Key').toString('base64')
  return `SCRAM-SHA-256$${rounds}:${Buffer.from(salt).toString('base64')}$${storedKey}:${serverKey}`
}
