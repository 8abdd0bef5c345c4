import { randomBytes } from 'node:crypto'
import { type ExchangeKeys, exchangeKeys, infoOf, keyIdLength, suite } from '../../../client/ocr/envelope.ts'

/** What clients seal to. */
export interface PublicKey {
  id: Uint8Array
  publicKey: Uint8Array
  /** Milliseconds since the epoch; afterwards nothing sealed to it is taken. */
  expiresAt: number
}

export interface Keys {
  /** The key to seal to now; it lasts at least half of a lifetime. */
  current(): Promise<PublicKey>
  /** The keys of an exchange; undefined when the key is not held here, or nothing was sealed to it. */
  open(keyId: Uint8Array, encapsulated: Uint8Array): Promise<ExchangeKeys | undefined>
  /** Forgets what has expired. */
  sweep(): void
}

interface HeldKey extends PublicKey {
  privateKey: CryptoKey
}

/** How long a key is taken. */
export const lifetimeMs = 10 * 60_000

/**
 * Short-lived keys that are held in memory alone: what was sealed to one cannot be opened any more once it is forgotten, by nobody.
 * Another instance has other keys.
 * @param now milliseconds since the epoch
 */
export function createKeys(now: () => number): Keys {
  const held = new Map<string, HeldKey>()
  let newest: Promise<HeldKey> | undefined
  const sweep = () => {
    const time = now()
    for (const [name, key] of held) if (key.expiresAt <= time) held.delete(name)
  }
  const make = async (): Promise<HeldKey> => {
    const pair = await suite.kem.generateKeyPair()
    const key: HeldKey = {
      id: randomBytes(keyIdLength),
      publicKey: new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey)),
      privateKey: pair.privateKey,
      expiresAt: now() + lifetimeMs,
    }
    held.set(nameOf(key.id), key)
    return key
  }
  return {
    sweep,
    current: async () => {
      sweep()
      const known = newest
      const key = await known
      if (key !== undefined && key.expiresAt - now() > lifetimeMs / 2) return key
      // Of those who come together one makes it, and the others wait for that.
      if (newest === known) {
        newest = make().catch((thrown: unknown) => {
          newest = undefined
          throw thrown
        })
      }
      return newest ?? make()
    },
    open: async (keyId, encapsulated) => {
      sweep()
      const key = held.get(nameOf(keyId))
      if (key === undefined) return undefined
      try {
        const context = await suite.createRecipientContext({
          recipientKey: key.privateKey,
          enc: new Uint8Array(encapsulated).buffer,
          info: infoOf(key.id),
        })
        return await exchangeKeys(context)
      } catch {
        // No point of the curve, or one that gives every sender the same secret.
        return undefined
      }
    },
  }
}

function nameOf(id: Uint8Array): string {
  return Buffer.from(id).toString('base64url')
}
