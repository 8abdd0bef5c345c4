import { z } from 'zod'

/** Answers of the server about links. What a client reads it checks. */
const link = z.object({
  user_id: z.string(),
  invite_id: z.string(),
  status: z.enum(['pending', 'active', 'revoked', 'expired']),
  entity_types: z.array(z.string()),
  access_days: z.int().nullable(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
})
const bytes = z.base64()

export const linksAnswer = z.object({
  supervisors: z.array(link.extend({ public_key: bytes, nonce: bytes, tag: bytes, revealed: z.boolean() })),
  supervised: z.array(link.extend({ public_key: bytes.nullable(), nonce: bytes.nullable() })),
})
export const keysAnswer = z.object({
  keys: z.array(z.object({ collection: z.string(), key_id: z.string(), sealed: bytes })),
})
export const invitesAnswer = z.object({ invites: z.array(z.object({ invite_id: z.string() })) })
export const acceptanceAnswer = z.object({ entity_types: z.array(z.string()), expires_at: z.string() })

export type FamilyLinks = z.output<typeof linksAnswer>
export type DeliveredKey = z.output<typeof keysAnswer>['keys'][number]
