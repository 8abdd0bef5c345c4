import { z } from 'zod'
import type { Sealing } from '../sealing/seal.ts'

/** An e-mail address in the one form it is known by: as typed on a phone or a computer it is the same account. */
export const email = z
  .string()
  .max(254)
  .transform((text) => text.trim().normalize('NFC').toLowerCase())
  .pipe(z.email())

/** What an account is looked up by: it tells nothing to whoever reads the table without the key of the service. */
export interface Handle {
  kind: 'email' | 'identity'
  hash: Buffer
}

/** @param address in the form that `email` gives */
export function emailHandle(sealing: Sealing, address: string): Handle {
  return { kind: 'email', hash: sealing.mac('e-mail', address) }
}

/**
 * Names the key that OPAQUE evaluates a password with. An account that does not exist has one as well, always the same: who asks
 * twice must not see two.
 */
export function credentialOf(sealing: Sealing, { hash }: Handle, registrationId: string | undefined): string {
  return sealing.mac('credential', `${hash.toString('hex')} ${registrationId ?? 'none'}`).toString('hex')
}
