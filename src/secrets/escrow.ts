import { openWithIdentities, sealToRecipients } from './age.ts'
import { formatRing, type KeyRing, parseRing } from './key-ring.ts'
import type { Secret } from './secret.ts'

/*
 * A copy of a key ring for the day on which nothing else is left: an age file whose content is a key file. Aval opens it, and so
 * does `age --decrypt`, when there is no Aval either.
 */

/**
 * @param recipients whoever must be able to open it, each alone; such as `age1…`.
 * @returns the text of the copy.
 * @throws KEY_RECIPIENT_INVALID
 */
export async function makeEscrowCopy(ring: KeyRing, recipients: readonly string[]): Promise<string> {
  return sealToRecipients(Buffer.from(formatRing(ring), 'ascii'), recipients)
}

/** The ring of a copy; undefined when no identity opens it or it holds no ring. */
export async function openEscrowCopy(
  text: string,
  identities: readonly Secret<string>[],
): Promise<KeyRing | undefined> {
  const content = await openWithIdentities(text, identities)
  return content && parseRing(Buffer.from(content).toString('ascii'))
}
