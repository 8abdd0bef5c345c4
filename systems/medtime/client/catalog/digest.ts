import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Medicine } from './medicine.ts'

/**
 * SHA-256 of a whole catalog, hex: by it a device knows that what it put together from changes is what the server has.
 * Medicines are told apart to the letter, so they must come from `medicineSchema`, which orders their members.
 */
export function digestOf(medicines: readonly Medicine[]): string {
  const hash = sha256.create()
  for (const medicine of medicines.toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    hash.update(utf8ToBytes(`${JSON.stringify(medicine)}\n`))
  }
  return bytesToHex(hash.digest())
}
