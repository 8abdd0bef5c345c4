import { Secret, TOTP } from 'otpauth'

/** Seconds of one step: RFC 6238. */
const period = 30

function authenticator(secret: string, label: string): TOTP {
  return new TOTP({
    issuer: 'MedTime',
    label,
    algorithm: 'SHA1',
    digits: 6,
    period,
    secret: Secret.fromBase32(secret),
  })
}

/** 160 random bits in base32, as RFC 4226 recommends. */
export function newTotpSecret(): string {
  return new Secret({ size: 20 }).base32
}

/** What an authenticator reads as a QR code. SHA-1 and six digits are what all of them know. */
export function totpUri(secret: string, email: string): string {
  return authenticator(secret, email).toString()
}

/**
 * The step a code belongs to, one before or after the present one for a clock that is off; undefined for a wrong code, and for
 * one of a step that was used, or lies before it.
 */
export function totpStep(secret: string, code: string, lastStep: number, now: number): number | undefined {
  const delta = authenticator(secret, '').validate({ token: code, timestamp: now, window: 1 })
  if (delta === null) return undefined
  const step = Math.floor(now / 1000 / period) + delta
  return step > lastStep ? step : undefined
}
