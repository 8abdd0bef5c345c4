import { readFile, stat } from 'node:fs/promises'
import { failure } from '../errors.ts'
import { parseIdentities } from './age.ts'
import type { Unlock } from './locked-key.ts'
import { type Secret, secret } from './secret.ts'

/** Files that hold what opens a locked key. Only files: a command line is shown to every account of the machine. */
export interface UnlockFiles {
  passphraseFile?: string
  identityFile?: string
}

/**
 * The files a person named, else those the environment names: `AVAL_PASSPHRASE_FILE`, `AVAL_IDENTITY_FILE`. A service manager gives
 * credentials as files as well.
 */
export function unlockFiles(
  flags: UnlockFiles,
  environment: Readonly<Record<string, string | undefined>>,
): UnlockFiles {
  const passphraseFile = flags.passphraseFile ?? environment['AVAL_PASSPHRASE_FILE']
  const identityFile = flags.identityFile ?? environment['AVAL_IDENTITY_FILE']
  return {
    ...(passphraseFile ? { passphraseFile } : {}),
    ...(identityFile ? { identityFile } : {}),
  }
}

/**
 * Reads them.
 * @throws KEY_UNLOCK_FILE when one cannot be read, KEY_EXPOSED when other accounts may read it, KEY_IDENTITY_INVALID.
 */
export async function readUnlock({ passphraseFile, identityFile }: UnlockFiles): Promise<Unlock> {
  const passphrase = passphraseFile === undefined ? undefined : await readPassphrase(passphraseFile)
  if (identityFile === undefined) return passphrase ? { passphrase } : {}
  const identities = await parseIdentities((await readPrivate(identityFile)).reveal(), identityFile)
  return { ...(passphrase ? { passphrase } : {}), identities: identities.map(secret) }
}

/** A passphrase from a file; the line feed at its end is not part of it. */
export async function readPassphrase(file: string): Promise<Secret<string>> {
  const text = await readPrivate(file)
  return secret(text.reveal().replace(/\r?\n$/, ''))
}

async function readPrivate(file: string): Promise<Secret<string>> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw failure('KEY_UNLOCK_FILE', { file }, { cause })
  })
  const found = await stat(file)
  // A pipe, such as <(pass show key), has no other readers.
  if (found.isFile() && (found.mode & 0o077) !== 0) {
    throw failure('KEY_EXPOSED', { file, mode: (found.mode & 0o777).toString(8) })
  }
  return secret(text)
}
