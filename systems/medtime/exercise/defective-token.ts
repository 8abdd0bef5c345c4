import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { z } from 'zod'

/** What the development issuer is asked for. */
export interface Claims {
  sub: string
  email: string
  tier: 'free' | 'pro' | 'perfect'
  /** Seconds; below zero for a token that expired already. */
  expires_in?: number
  /** Seconds since the person signed in; none unless told. */
  auth_age?: number
  /** In place of the usual claims; null leaves one out. */
  claims?: Record<string, string | null>
}

const keySet = z.object({
  keys: z.array(z.looseObject({ kty: z.literal('RSA'), n: z.string(), e: z.string() })).min(1),
})
const header = z.looseObject({ alg: z.string() })

/** A token with the claims of a sound one that the issuer never signed. */
export async function locallySigned(
  defect: 'other-key' | 'unsigned' | 'symmetric' | 'changed',
  sound: string,
  issuer: string,
): Promise<string> {
  const [head = '', claims = '', signature = ''] = sound.split('.')
  const soundHeader = header.parse(decode(head))
  switch (defect) {
    case 'other-key': {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
      return `${head}.${claims}.${sign('sha256', Buffer.from(`${head}.${claims}`), privateKey).toString('base64url')}`
    }
    case 'unsigned':
      return `${encode({ ...soundHeader, alg: 'none' })}.${claims}.`
    case 'symmetric': {
      const unsigned = `${encode({ ...soundHeader, alg: 'HS256' })}.${claims}`
      const mac = createHmac('sha256', await publicKeyText(issuer)).update(unsigned)
      return `${unsigned}.${mac.digest('base64url')}`
    }
    case 'changed': {
      const changed = z.looseObject({ exp: z.number() }).parse(decode(claims))
      return `${head}.${encode({ ...changed, exp: changed.exp + 86_400 })}.${signature}`
    }
  }
}

/** The public key as PEM: what a verifier that trusts the `alg` of the header would take for a shared secret. */
async function publicKeyText(issuer: string): Promise<string> {
  const response = await fetch(new URL('/.well-known/jwks.json', issuer), { signal: AbortSignal.timeout(10_000) })
  const [key] = keySet.parse(await response.json()).keys
  if (key === undefined) throw new Error('the issuer publishes no key')
  const publicKey = createPublicKey({ key: { kty: key.kty, n: key.n, e: key.e }, format: 'jwk' })
  return publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

function decode(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
