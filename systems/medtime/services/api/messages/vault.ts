import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

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

/** @param key 32 random bytes, the same for every instance */
export function createVault(key: Uint8Array): Vault {
  if (key.length !== 32) throw new RangeError('The key of messages must have 32 bytes')
  const derived = (purpose: string) => Buffer.from(hkdfSync('sha256', key, '', `medtime messages ${purpose}`, 32))
  const sealing = derived('seal')
  const hashing = derived('hash')
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
      const decipher = createDecipheriv('aes-256-gcm', sealing, nonce, { authTagLength: tagLength })
      decipher.setAAD(Buffer.from(place, 'utf8'))
      decipher.setAuthTag(sealed.subarray(-tagLength))
      return decipher.update(sealed.subarray(1 + nonceLength, -tagLength)).toString('utf8') + decipher.final('utf8')
    },
    hash: (text) => createHmac('sha256', hashing).update(text, 'utf8').digest(),
  }
}
