import { compressed } from './compressed.ts'
import { askLimits, leastLimits, type ServerLimits } from './limits.ts'
import type { PendingWrite } from './local-store.ts'
import { type ApiOptions, createRequest, refusal } from './request.ts'
import {
  epochAnswer,
  type PullAnswer,
  pullAnswer,
  pushAnswer,
  quotaAnswer,
  type RefusedAnswer,
  refusedAnswer,
  toWire,
} from './wire.ts'

export type PushResult =
  | { outcome: 'accepted'; epoch: number }
  | { outcome: 'refused'; refused: RefusedAnswer }
  | { outcome: 'epoch-changed'; epoch: number; cursor: string }
  | { outcome: 'full'; room: StorageRoom }

/** What a user may hold, holds, and would have held more by what was refused, in bytes. */
export interface StorageRoom {
  quotaBytes: number
  heldBytes: number
  neededBytes: number
}

export type PullResult =
  | { outcome: 'page'; page: PullAnswer }
  | { outcome: 'epoch-changed'; epoch: number; cursor: string }
  | { outcome: 'bad-cursor' }
  /** Tombstones this device has not met are gone. */
  | { outcome: 'expired' }

export interface SyncApi {
  push(writes: readonly PendingWrite[], epoch: number | undefined): Promise<PushResult>
  pull(cursor: string | undefined, limit: number): Promise<PullResult>
  /** Asked once; while the server does not tell, what every server takes. */
  limits(): Promise<ServerLimits>
}

/** The server's API with retries. A push is safe to repeat: what is stored already as it is sent counts as accepted. */
export function createSyncApi(options: ApiOptions): SyncApi {
  const request = createRequest(options)
  let known: ServerLimits | undefined
  const limits = async (): Promise<ServerLimits> => {
    known ??= await askLimits(options)
    return known ?? leastLimits
  }

  return {
    limits,
    push: async (writes, epoch) => {
      const json = JSON.stringify({
        device_id: options.device,
        ...(epoch === undefined ? {} : { epoch }),
        entities: writes.map(toWire),
      })
      const sent = await compressed(json, (await limits()).gzipAbove)
      const { status, body } = await request('/sync/push', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...sent.headers },
        body: sent.body,
      })
      if (status === 200) return { outcome: 'accepted', epoch: pushAnswer.parse(body).epoch }
      if (status === 409 || status === 422) return { outcome: 'refused', refused: refusedAnswer.parse(body) }
      if (status === 410) return { outcome: 'epoch-changed', ...epochAnswer.parse(body) }
      const error = refusal(status, body)
      if (error.code === 'QUOTA_EXCEEDED') return { outcome: 'full', room: quotaAnswer.parse(body) }
      throw error
    },
    pull: async (cursor, limit) => {
      const query = new URLSearchParams({ limit: String(limit), device_id: options.device })
      if (cursor !== undefined) query.set('cursor', cursor)
      const { status, body } = await request(`/sync/pull?${query}`, {})
      if (status === 200) return { outcome: 'page', page: pullAnswer.parse(body) }
      if (status === 410) return { outcome: 'epoch-changed', ...epochAnswer.parse(body) }
      const error = refusal(status, body)
      if (error.code === 'BAD_CURSOR') return { outcome: 'bad-cursor' }
      if (error.code === 'CURSOR_EXPIRED') return { outcome: 'expired' }
      throw error
    },
  }
}
