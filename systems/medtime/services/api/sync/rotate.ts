import { ApiError } from '../http/api-error.ts'
import type { Identity } from '../identity/token.ts'
import { readBatch } from './batch.ts'
import type { PushContext } from './push.ts'
import { quotaOf } from './quota.ts'
import type { RotateRequest } from './wire.ts'

/**
 * Lays entities sealed under a new key ready, and puts all of them in place at once when the last have come.
 * @throws ApiError REJECTED, ROTATION_INCOMPLETE, EPOCH_CHANGED, QUOTA_EXCEEDED; nothing is in place then.
 */
export async function rotate({ user, tier }: Identity, request: RotateRequest, context: Omit<PushContext, 'admitted'>) {
  const { store, cursors } = context
  const collection = new Set(request.entity_types)
  for (const [index, entity] of request.entities.entries()) {
    const place =
      entity.key_id !== request.key_id ? 'key_id' : collection.has(entity.entity_type) ? undefined : 'entity_type'
    if (place !== undefined) {
      throw new ApiError('BAD_REQUEST', { message: `/entities/${index}/${place}: not of this rotation` })
    }
  }
  const { batch, rejected } = readBatch(request.entities)
  if (rejected.length > 0) throw new ApiError('REJECTED', { details: { synced: 0, conflicts: [], rejected } })
  const quota = quotaOf(tier)
  const outcome = await store.rotate({
    user,
    device: request.device_id,
    now: new Date(context.now()),
    epoch: request.epoch,
    rotation: request.rotation,
    types: request.entity_types,
    key: request.key_id,
    commit: request.commit,
    batch,
    quota,
  })
  const { epoch, held, needed, faults } = outcome
  context.onRemaining(Math.max(0, quota - held))
  if (request.epoch !== undefined && request.epoch !== epoch) {
    throw new ApiError('EPOCH_CHANGED', { details: { epoch, cursor: cursors.issue(user, { epoch, sequence: 0 }) } })
  }
  if (needed !== undefined) {
    throw new ApiError('QUOTA_EXCEEDED', { details: { quota_bytes: quota, held_bytes: held, needed_bytes: needed } })
  }
  if (faults.length > 0) {
    throw new ApiError('ROTATION_INCOMPLETE', { details: { entities: faults, total: outcome.faultsInAll } })
  }
  if (outcome.rotated > 0) context.onChange(user, epoch)
  return { staged: outcome.staged, rotated: outcome.rotated, epoch }
}
