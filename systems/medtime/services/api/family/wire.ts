import { z } from 'zod'
import { pullAnswer } from '../sync/wire.ts'

/** Invites of one person that are open at once. */
export const openInvites = 5
/** People who may read, or are about to, of one person at once. */
export const supervisorLimit = 20
/** Keys one request may bring, and sealed keys of one link. */
export const keyBatch = 64
export const keyLimit = 512

const uuid = z.string().regex(/^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/)
const entityType = z.string().regex(/^[a-z0-9_]{1,64}$/)
const collection = z.string().regex(/^[\x21-\x7e]{1,64}$/)
const keyId = z.string().regex(/^[\x21-\x7e]{1,64}$/)
/** 32 bytes have one spelling: the last digit holds two bits only. */
const bytes32 = z.string().regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/)
const sealed = z.string().regex(/^(?:[A-Za-z0-9+/]{4}){8,84}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)
const time = z.iso.datetime()

const publicKey = bytes32.describe('X25519, base64.')
const nonce = bytes32.describe('32 random bytes, base64; goes into the short code.')

export const invite = z.strictObject({
  invite_id: uuid.describe('Chosen by the client.'),
  secret_hash: bytes32.describe(
    'SHA-256 of the secret that the invite carries, which stays with whoever holds the invite.',
  ),
  commitment: bytes32.describe('What the inviting device reveals later must hash to this.'),
  entity_types: z.array(entityType).min(1).max(32).describe('What the supervisor will be able to read.'),
  access_days: z
    .int()
    .min(1)
    .max(3_660)
    .nullable()
    .describe('How long the link will stand; null: until it is revoked.'),
})

export const acceptance = z.strictObject({
  supervised: uuid,
  invite_id: uuid,
  secret: bytes32,
  public_key: publicKey,
  nonce,
  tag: bytes32.describe(
    'Shows the inviting device that the holder of the invite chose this key; the server cannot make it.',
  ),
})

export const revelation = z.strictObject({ public_key: publicKey, nonce })

const sealedKey = z.strictObject({
  collection,
  key_id: keyId,
  sealed: sealed.describe('The key of the collection, sealed to the public key of the supervisor, base64.'),
})

export const keyDelivery = z.strictObject({ keys: z.array(sealedKey).max(keyBatch) })

export const peer = z.object({ id: uuid })
export const supervisedPath = z.object({ supervised: uuid })

export const familyPullQuery = z.strictObject({
  cursor: z.string().describe('Opaque; belongs to one supervisor, one supervised and one link.').optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(100))
    .default(50),
})

export const done = z.object({})

export const invitesAnswer = z.object({
  invites: z.array(
    z.object({
      invite_id: uuid,
      entity_types: z.array(entityType),
      access_days: z.int().nullable(),
      created_at: time,
      expires_at: time,
    }),
  ),
})

export const acceptanceAnswer = z.object({
  entity_types: z.array(entityType),
  access_days: z.int().nullable(),
  expires_at: time.describe('Not confirmed by then, the link ends.'),
})

const link = z.object({
  user_id: uuid.describe('The other side.'),
  invite_id: uuid,
  status: z.enum(['pending', 'active', 'revoked', 'expired']),
  entity_types: z.array(entityType),
  access_days: z.int().nullable(),
  created_at: time,
  expires_at: time.nullable().describe('Null: until it is revoked.'),
})

export const linksAnswer = z.object({
  supervisors: z
    .array(link.extend({ public_key: publicKey, nonce, tag: bytes32, revealed: z.boolean() }))
    .describe('Who reads of the user, or asks to.'),
  supervised: z
    .array(link.extend({ public_key: publicKey.nullable(), nonce: nonce.nullable() }))
    .describe('Of whom the user reads; the key and the nonce are there once they are revealed.'),
})

export const keysAnswer = z.object({ keys: z.array(sealedKey) })

export const familyPullAnswer = pullAnswer

export type InviteRequest = z.output<typeof invite>
export type Acceptance = z.output<typeof acceptance>
export type Revelation = z.output<typeof revelation>
export type SealedKey = z.output<typeof sealedKey>
export type LinksAnswer = z.output<typeof linksAnswer>
export type InvitesAnswer = z.output<typeof invitesAnswer>
