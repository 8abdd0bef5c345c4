import { armor, Decrypter, Encrypter, identityToRecipient } from 'age-encryption'
import { failure } from '../errors.ts'
import type { Secret } from './secret.ts'

/*
 * The age format (age-encryption.org/v1): what is sealed to a recipient opens with the identity of that recipient alone, here
 * and with the `age` program, so that an escrow copy does not depend on Aval.
 */

/**
 * Seals bytes to recipients, each of whom can open them alone.
 * @param recipients such as `age1…`.
 * @returns the armoured file.
 * @throws KEY_RECIPIENT_INVALID
 */
export async function sealToRecipients(bytes: Uint8Array, recipients: readonly string[]): Promise<string> {
  const encrypter = new Encrypter()
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient)
    } catch (cause) {
      throw failure('KEY_RECIPIENT_INVALID', {}, { cause })
    }
  }
  return armor.encode(await encrypter.encrypt(bytes))
}

/** The sealed bytes; undefined when none of the identities opens them or the file is not what was written. */
export async function openWithIdentities(
  sealed: string,
  identities: readonly Secret<string>[],
): Promise<Uint8Array | undefined> {
  if (identities.length === 0) return undefined
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity.reveal())
  try {
    return await decrypter.decrypt(armor.decode(sealed))
  } catch {
    return undefined
  }
}

/**
 * The identities of a file as `age-keygen` writes it: one a line, comments after `#`.
 * @throws KEY_IDENTITY_INVALID naming the file when a line is no identity or there is none.
 */
export async function parseIdentities(text: string, file: string): Promise<string[]> {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  for (const line of lines) {
    // The library's own error would repeat the identity.
    await identityToRecipient(line).catch(() => {
      throw failure('KEY_IDENTITY_INVALID', { file })
    })
  }
  if (lines.length === 0) throw failure('KEY_IDENTITY_INVALID', { file })
  return lines
}

/** Whether a text is an armoured age file. */
export function isAgeFile(text: string): boolean {
  return text.trimStart().startsWith('-----BEGIN AGE ENCRYPTED FILE-----')
}
