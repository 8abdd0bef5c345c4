import { concatBytes } from '@noble/hashes/utils.js'
import { joinFields } from '../associated-data.ts'
import { keyLength } from '../keys.ts'
import { type FamilyIdentity, familySuite } from './identity.ts'

/** What a sealed key is bound to: given to somebody else, or under another name, it does not open. */
export interface KeyBinding {
  supervised: string
  supervisor: string
  collection: string
  keyId: string
}

const encapsulatedLength = 32

/**
 * Seals the key of a collection to a supervisor's public key: the encapsulated key (32 bytes), then the ciphertext with its tag.
 * HPKE's Auth mode: it opens only with the public key of the supervised, so that a server that knows both public keys cannot make
 * one of its own and have forged entities believed.
 */
export async function sealKey(
  from: FamilyIdentity,
  to: Uint8Array,
  binding: KeyBinding,
  key: Uint8Array,
): Promise<Uint8Array> {
  const sender = await familySuite.createSenderContext({
    recipientPublicKey: await familySuite.kem.deserializePublicKey(to),
    senderKey: from.pair,
    info: infoOf(binding),
  })
  return concatBytes(new Uint8Array(sender.enc), new Uint8Array(await sender.seal(key, dataOf(binding))))
}

/** Opens what `from` sealed for us; undefined when it is anything else. */
export async function openKey(
  to: FamilyIdentity,
  from: Uint8Array,
  binding: KeyBinding,
  sealed: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    const recipient = await familySuite.createRecipientContext({
      recipientKey: to.pair,
      senderPublicKey: await familySuite.kem.deserializePublicKey(from),
      enc: sealed.subarray(0, encapsulatedLength),
      info: infoOf(binding),
    })
    const key = new Uint8Array(await recipient.open(sealed.subarray(encapsulatedLength), dataOf(binding)))
    return key.length === keyLength ? key : undefined
  } catch {
    // Too short, another key, another binding: one answer for all.
    return undefined
  }
}

function infoOf({ supervised, supervisor }: KeyBinding): Uint8Array {
  return joinFields('medtime/1 family key', supervised, supervisor)
}

function dataOf({ supervised, supervisor, collection, keyId }: KeyBinding): Uint8Array {
  return joinFields('medtime/1 family key', supervised, supervisor, collection, keyId)
}
