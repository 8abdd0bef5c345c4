import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { type KeyRing, openWithAny } from '../../keys/key-ring.ts'

/** Seals what only this service may read, and tells names apart without telling them. */
export interface Sealing {
  /** @param purpose what it is and whose; what was sealed for one purpose does not open for another */
  seal(purpose: string, secret: string): Buffer
  /** @throws when it was not sealed with a key of the ring for this purpose, or was changed since */
  open(purpose: string, sealed: Buffer): string
  /** 32 bytes that depend on the key: whoever reads the table cannot try out what was hashed. */
  mac(purpose: string, value: string): Buffer
}

const algorithm = 'aes-256-gcm'
const nonceLength = 12
const tagLength = 16
/** First byte of what is sealed, so that another key or layout can follow. */
const layout = 1

/** What names are hashed with while there is one key. */
export function accountsNamesKey(key: Buffer): Buffer {
  return derive(key, 'mac')
}

function derive(key: Buffer, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `medtime accounts ${use}`, 32))
}

/** AES-256-GCM with a random nonce: layout, nonce, tag, ciphertext. Far fewer than 2^32 secrets are ever sealed. */
export function createSealing({ keys, names }: KeyRing): Sealing {
  const sealKeys = keys.map((key) => derive(key, 'seal'))
  const [sealKey = derive(keys[0], 'seal')] = sealKeys
  const macKey = names ?? accountsNamesKey(keys[0])
  return {
    seal: (purpose, secret) => {
      const nonce = randomBytes(nonceLength)
      const cipher = createCipheriv(algorithm, sealKey, nonce).setAAD(Buffer.from(purpose))
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(layout), nonce, cipher.getAuthTag(), text])
    },
    open: (purpose, sealed) => {
      if (sealed[0] !== layout) throw new Error('sealed in a layout that is not known')
      const nonce = sealed.subarray(1, 1 + nonceLength)
      const tag = sealed.subarray(1 + nonceLength, 1 + nonceLength + tagLength)
      return openWithAny(sealKeys, (key) => {
        const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagLength })
          .setAAD(Buffer.from(purpose))
          .setAuthTag(tag)
        const text = decipher.update(sealed.subarray(1 + nonceLength + tagLength))
        return Buffer.concat([text, decipher.final()]).toString('utf8')
      })
    },
    mac: (purpose, value) => createHmac('sha256', macKey).update(`${purpose}\n${value}`).digest(),
  }
}
