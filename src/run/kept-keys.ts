import { existsSync } from 'node:fs'
import { loadKeyRing } from '../secrets/key-file.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import { loadOrCreateKey } from '../secrets/repository-key.ts'
import { readUnlock, type UnlockFiles, unlockFiles } from '../secrets/unlock.ts'

/** Gives the keys of a repository. @throws as `openKeyFile` */
export type OpenKeys = () => Promise<KeyRing>

/**
 * The keys in a file, opened by what the person or the environment names when it is locked.
 * @param create makes the file when there is none.
 * @throws KEY_LOCKED, KEY_UNLOCK_FAILED, KEY_UNLOCK_FILE, KEY_MISSING, KEY_MALFORMED, KEY_EXPOSED
 */
export async function openKeyFile(file: string, create: boolean, files: UnlockFiles = {}): Promise<KeyRing> {
  if (create && !existsSync(file)) await loadOrCreateKey(file)
  return loadKeyRing(file, await readUnlock(unlockFiles(files, process.env)))
}

/**
 * The keys in a file for as long as a process runs. Once opened they are kept: a file that is locked or taken away meanwhile must not
 * end the archive of what runs. A file that still opens is read anew, so that a key that was put before the others is taken.
 */
export function keptKeys(file: string): OpenKeys {
  let held: KeyRing | undefined
  return async () => {
    try {
      held = await openKeyFile(file, held === undefined)
    } catch (error) {
      if (held === undefined) throw error
    }
    return held
  }
}
