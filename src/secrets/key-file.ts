import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { failure } from '../errors.ts'
import { isAgeFile } from './age.ts'
import { openEscrowCopy } from './escrow.ts'
import { type KeyRing, parseRing } from './key-ring.ts'
import { type LockedKey, openLocked, parseLocked, type Unlock } from './locked-key.ts'

/** What a key file holds: keys in the clear, keys that a holder must open, or an escrow copy. */
export type KeyFile =
  | { kind: 'plain'; ring: KeyRing }
  | { kind: 'locked'; locked: LockedKey }
  | { kind: 'escrow'; text: string }

/**
 * Reads a key file without opening it.
 * @throws KEY_MISSING, KEY_MALFORMED, KEY_EXPOSED when other accounts may read keys in the clear.
 */
export async function readKeyFile(file: string): Promise<KeyFile> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw failure('KEY_MISSING', { file })
    throw error
  })
  if (isAgeFile(text)) return { kind: 'escrow', text }
  const locked = parseLocked(text)
  if (locked) return { kind: 'locked', locked }
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) throw failure('KEY_EXPOSED', { file, mode: (mode & 0o777).toString(8) })
  const ring = parseRing(text)
  if (!ring) throw failure('KEY_MALFORMED', { file })
  return { kind: 'plain', ring }
}

/**
 * The keys of a repository.
 * @param unlock what opens a locked file or an escrow copy; not asked for when the keys lie in the clear.
 * @throws KEY_LOCKED when nothing was brought, KEY_UNLOCK_FAILED when it does not open, and whatever `readKeyFile` throws.
 */
export async function loadKeyRing(file: string, unlock: Unlock = {}): Promise<KeyRing> {
  const found = await readKeyFile(file)
  if (found.kind === 'plain') return found.ring
  const brought = unlock.passphrase !== undefined || (unlock.identities ?? []).length > 0
  if (!brought) throw failure('KEY_LOCKED', { file, holders: holdersOf(found) })
  const ring =
    found.kind === 'locked'
      ? await openLocked(found.locked, unlock)
      : await openEscrowCopy(found.text, unlock.identities ?? [])
  if (!ring) throw failure('KEY_UNLOCK_FAILED', { file, holders: holdersOf(found) })
  return ring
}

/** Replaces a key file in one step: after a crash the former or the new one is there whole. */
export async function writeKeyFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  let handle: FileHandle | undefined
  try {
    handle = await open(draft, 'wx', 0o600)
    await handle.writeFile(text)
    await handle.sync()
    await handle.close()
    await rename(draft, file)
  } catch (error) {
    await handle?.close()
    await rm(draft, { force: true })
    throw error
  }
  const directory = await open(dirname(file), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Who can open it, for people. */
export function holdersOf(found: Exclude<KeyFile, { kind: 'plain' }>): string {
  if (found.kind === 'escrow') return 'the age identities it was sealed to'
  return found.locked.holders
    .map((holder) => (holder.kind === 'age' ? `the age identity of ${holder.recipient}` : 'a passphrase'))
    .join(', or ')
}
