import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { joinFields } from '../associated-data.ts'

/**
 * What a user is called in crash reports: the same for all devices of the user, made with a key that only they have. The server, which
 * knows the id of every user, cannot compute it, and so cannot tell whose a report is.
 * @returns 32 hex digits
 */
export function userHash(master: Uint8Array, user: string): string {
  const root = extract(sha256, master, utf8ToBytes('medtime/1'))
  return bytesToHex(expand(sha256, root, joinFields('crash reports', user), 16))
}
