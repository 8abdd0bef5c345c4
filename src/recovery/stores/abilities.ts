import { z } from 'zod'

/** What a kind of store is able to do, as far as others go by it. */
export const abilitiesSchema = z.strictObject({
  /** Whether a second writer of one key is refused; `small-objects-only` when the end of a multipart upload ignores the condition. */
  conditionalWrites: z.enum(['enforced', 'small-objects-only', 'missing']),
  /** Whether bytes that do not match their checksum are refused; `none` when there is no way to send one. */
  checksums: z.enum(['verified', 'ignored', 'none']),
  /** Whether what is replaced or removed can be brought back. */
  versioning: z.enum(['on', 'suspended', 'off', 'unknown']),
  /** Whether objects can be protected from removal; `days` is what every new object gets. */
  lock: z.strictObject({ state: z.enum(['on', 'off', 'unknown']), days: z.number().optional() }),
})

export type StoreAbilities = z.infer<typeof abilitiesSchema>
export type Checksums = StoreAbilities['checksums']
export type Versioning = StoreAbilities['versioning']
export type ObjectLock = StoreAbilities['lock']
