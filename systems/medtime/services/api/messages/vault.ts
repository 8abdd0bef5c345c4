import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { type KeyRing, openWithAny } from '../../keys/key-ring.ts'

/*
 * Telephone numbers, push tokens and what a waiting message holds stand in the database sealed: whoever reads a backup of it without the
 * key of the services learns none of them. A number is found again by a keyed hash; without the key all numbers could be tried.
 */

export interface Vault {
  /** @param place where it stands: a value moved to another place does not open */
  seal(text: string, place: string): Buffer
  /** @throws Error when it was not sealed here, for this place, or was changed. Its message tells nothing of it. */
  open(sealed: Uint8Array, place: string): string
  /** 32 bytes; the same text gives the same. */
  hash(text: string): Buffer
}

const formatOne = 1
const nonceLength = 12
const tagLength = 16

/** What names are hashed with while there is one key. */
export function messagesNamesKey(key: Buffer): Buffer {
  return derived(key, 'hash')
}

function derived(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `medtime messages ${purpose}`, 32))
}

/** @param ring the same for every instance */
export function createVault({ keys, names }: KeyRing): Vault {
  const opening = keys.map((key) => derived(key, 'seal'))
  const [sealing = derived(keys[0], 'seal')] = opening
  const hashing = names ?? messagesNamesKey(keys[0])
  return {
    seal: (text, place) => {
      const nonce = randomBytes(nonceLength)
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce)
      cipher.setAAD(Buffer.from(place, 'utf8'))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(formatOne), nonce, sealed, cipher.getAuthTag()])
    },
    open: (sealed, place) => {
      if (sealed.length < 1 + nonceLength + tagLength || sealed[0] !== formatOne) throw new Error('Not sealed here')
      const nonce = sealed.subarray(1, 1 + nonceLength)
      return openWithAny(opening, (key) => {
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength })
        decipher.setAAD(Buffer.from(place, 'utf8'))
        decipher.setAuthTag(sealed.subarray(-tagLength))
        return decipher.update(sealed.subarray(1 + nonceLength, -tagLength)).toString('utf8') + decipher.final('utf8')
      })
    },
    hash: (text) => createHmac('sha256', hashing).update(text, 'utf8').digest(),
  }
}
