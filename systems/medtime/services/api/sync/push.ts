import { ApiError } from '../http/api-error.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Identity } from '../identity/token.ts'
import { readBatch } from './batch.ts'
import type { Cursors } from './cursor.ts'
import { quotaOf } from './quota.ts'
import type { Store } from './store.ts'
import type { Conflict, PushRequest } from './wire.ts'
import type { PushOutcome } from './write.ts'

export interface PushContext {
  store: Store
  cursors: Cursors
  metrics: Metrics
  now: () => number
  /** Resolves when the request was counted; nothing is written before. */
  admitted: () => Promise<void>
  /** Told how many bytes the user may still store, as soon as it is known. */
  onRemaining: (bytes: number) => void
  /** Told when something was written. */
  onChange: (user: string, epoch: number) => void
}

/**
 * Writes all entities or none.
 * @throws ApiError REJECTED when an entity cannot be accepted as it is, CONFLICT, EPOCH_CHANGED, QUOTA_EXCEEDED.
 */
export async function push({ user, tier }: Identity, request: PushRequest, context: PushContext) {
  const { store, cursors, metrics } = context
  const quota = quotaOf(tier)
  const { batch, rejected } = readBatch(request.entities)
  await context.admitted()
  if (rejected.length > 0) {
    const conflicts = await store.conflicts({ user, batch })
    metrics.conflicts(conflicts.length)
    throw new ApiError('REJECTED', { details: { synced: 0, conflicts: conflicts.map(tell), rejected } })
  }
  const outcome = await store.push({
    user,
    device: request.device_id,
    now: new Date(context.now()),
    epoch: request.epoch,
    batch,
    quota,
  })
  const { epoch, sequence, held, needed } = outcome
  context.onRemaining(Math.max(0, quota - held))
  if (request.epoch !== undefined && request.epoch !== epoch) {
    throw new ApiError('EPOCH_CHANGED', { details: { epoch, cursor: cursors.issue(user, { epoch, sequence: 0 }) } })
  }
  if (outcome.conflicts.length > 0) {
    metrics.conflicts(outcome.conflicts.length)
    throw new ApiError('CONFLICT', { details: { synced: 0, conflicts: outcome.conflicts.map(tell), rejected: [] } })
  }
  if (needed !== undefined) {
    throw new ApiError('QUOTA_EXCEEDED', {
      details: { quota_bytes: quota, held_bytes: held, needed_bytes: needed },
    })
  }
  context.onChange(user, epoch)
  for (const [index, size] of batch.sizes.entries()) metrics.blob(batch.types[index] ?? '', size)
  return { synced: batch.ids.length, conflicts: [], cursor: cursors.issue(user, { epoch, sequence }), epoch }
}

function tell({ id, version, checksum }: PushOutcome['conflicts'][number]): Conflict {
  return { id, reason: 'version', server_version: version, server_checksum: checksum }
}
