import type { PendingWrite } from './local-store.ts'
import { type ApiOptions, createRequest, refusal } from './request.ts'
import {
  epochAnswer,
  type PullAnswer,
  pullAnswer,
  pushAnswer,
  type RefusedAnswer,
  refusedAnswer,
  toWire,
} from './wire.ts'

export type PushResult =
  | { outcome: 'accepted'; epoch: number }
  | { outcome: 'refused'; refused: RefusedAnswer }
  | { outcome: 'epoch-changed'; epoch: number; cursor: string }

export type PullResult =
  | { outcome: 'page'; page: PullAnswer }
  | { outcome: 'epoch-changed'; epoch: number; cursor: string }
  | { outcome: 'bad-cursor' }

export interface SyncApi {
  push(writes: readonly PendingWrite[], epoch: number | undefined): Promise<PushResult>
  pull(cursor: string | undefined, limit: number): Promise<PullResult>
}

/** The server's API with retries. A push is safe to repeat: what is stored already as it is sent counts as accepted. */
export function createSyncApi(options: ApiOptions): SyncApi {
  const request = createRequest(options)

  return {
    push: async (writes, epoch) => {
      const { status, body } = await request('/sync/push', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          device_id: options.device,
          ...(epoch === undefined ? {} : { epoch }),
          entities: writes.map(toWire),
        }),
      })
      if (status === 200) return { outcome: 'accepted', epoch: pushAnswer.parse(body).epoch }
      if (status === 409 || status === 422) return { outcome: 'refused', refused: refusedAnswer.parse(body) }
      if (status === 410) return { outcome: 'epoch-changed', ...epochAnswer.parse(body) }
      throw refusal(status, body)
    },
    pull: async (cursor, limit) => {
      const query = new URLSearchParams({ limit: String(limit), device_id: options.device })
      if (cursor !== undefined) query.set('cursor', cursor)
      const { status, body } = await request(`/sync/pull?${query}`, {})
      if (status === 200) return { outcome: 'page', page: pullAnswer.parse(body) }
      if (status === 410) return { outcome: 'epoch-changed', ...epochAnswer.parse(body) }
      const error = refusal(status, body)
      if (error.code === 'BAD_CURSOR') return { outcome: 'bad-cursor' }
      throw error
    },
  }
}
