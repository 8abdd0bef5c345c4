import { z } from 'zod'
import { fromBase64, toBase64 } from './base64.ts'
import type { PendingWrite } from './local-store.ts'
import type { SealedEntity } from './sealed-entity.ts'

/** Answers of the server. What a client reads it checks, as the server does. */
const epoch = z.int().min(1)
const cursor = z.string().min(1)

const conflict = z.object({ id: z.string(), server_version: z.int().min(0), server_checksum: z.string() })
const rejection = z.object({ index: z.int(), id: z.string(), reason: z.string(), detail: z.string() })

export const pushAnswer = z.object({ synced: z.int(), epoch })
export const refusedAnswer = z.object({
  conflicts: z.array(conflict),
  rejected: z.array(rejection),
})
export const epochAnswer = z.object({ epoch, cursor })
export const quotaAnswer = z
  .object({ quota_bytes: z.int(), held_bytes: z.int(), needed_bytes: z.int() })
  .transform((body) => ({
    quotaBytes: body.quota_bytes,
    heldBytes: body.held_bytes,
    neededBytes: body.needed_bytes,
  }))
export const rotateAnswer = z.object({ rotated: z.int() })
export const incompleteAnswer = z.object({ entities: z.array(z.object({ id: z.string(), reason: z.string() })) })
export const errorAnswer = z.object({ code: z.string() })

const pulled = z.object({
  id: z.string(),
  entity_type: z.string(),
  version: z.int().min(1),
  deleted: z.boolean(),
  key_id: z.string(),
  encrypted_blob: z.string(),
  checksum: z.string(),
  epoch,
})
export const pullAnswer = z.object({ entities: z.array(pulled), cursor, has_more: z.boolean(), epoch })

export type PullAnswer = z.output<typeof pullAnswer>
export type RefusedAnswer = z.output<typeof refusedAnswer>

export function toWire({ sealed, base }: Pick<PendingWrite, 'sealed' | 'base'>) {
  return {
    id: sealed.id,
    entity_type: sealed.type,
    version: sealed.version,
    ...(base === sealed.version - 1 ? {} : { base_version: base }),
    deleted: sealed.deleted,
    key_id: sealed.keyId,
    encrypted_blob: toBase64(sealed.blob),
    checksum: sealed.checksum,
  }
}

/** A row as it came. @throws when the blob is not base64 */
export function fromWire(row: PullAnswer['entities'][number]): { sealed: SealedEntity; epoch: number } {
  const sealed = {
    id: row.id,
    type: row.entity_type,
    version: row.version,
    deleted: row.deleted,
    keyId: row.key_id,
    blob: fromBase64(row.encrypted_blob),
    checksum: row.checksum,
  }
  return { sealed, epoch: row.epoch }
}
