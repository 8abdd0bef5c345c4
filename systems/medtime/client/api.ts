import { compressed } from './compressed.ts'
import { askLimits, leastLimits, type ServerLimits } from './limits.ts'
import type { PendingWrite } from './local-store.ts'
import { type ApiOptions, createRequest, refusal } from './request.ts'
import type { SealedEntity } from './sealed-entity.ts'
import {
  epochAnswer,
  incompleteAnswer,
  type PullAnswer,
  pullAnswer,
  pushAnswer,
  quotaAnswer,
  type RefusedAnswer,
  refusedAnswer,
  rotateAnswer,
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

export interface RotateRequest {
  rotation: string
  types: readonly string[]
  keyId: string
  epoch: number | undefined
  entities: readonly SealedEntity[]
  commit: boolean
}

export type RotateResult =
  | { outcome: 'staged'; rotated: number }
  | { outcome: 'incomplete'; entities: { id: string; reason: string }[] }
  | { outcome: 'epoch-changed' }
  | { outcome: 'full'; room: StorageRoom }

export interface SyncApi {
  push(writes: readonly PendingWrite[], epoch: number | undefined): Promise<PushResult>
  pull(cursor: string | undefined, limit: number): Promise<PullResult>
  /** Asked once; while the server does not tell, what every server takes. */
  limits(): Promise<ServerLimits>
}

/** What only the owner of a collection may do. */
export interface RotationApi {
  /** Lays sealed entities ready under a new key; `commit` with the last of them. */
  rotate(request: RotateRequest): Promise<RotateResult>
}

/** The server's API with retries. A push is safe to repeat: what is stored already as it is sent counts as accepted. */
export function createSyncApi(options: ApiOptions): SyncApi & RotationApi {
  const request = createRequest(options)
  let known: ServerLimits | undefined
  const limits = async (): Promise<ServerLimits> => {
    known ??= await askLimits(options)
    return known ?? leastLimits
  }

  const post = async (path: string, value: unknown) => {
    const sent = await compressed(JSON.stringify(value), (await limits()).gzipAbove)
    return request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...sent.headers },
      body: sent.body,
    })
  }

  return {
    limits,
    rotate: async ({ rotation, types, keyId, epoch, entities, commit }) => {
      const { status, body } = await post('/sync/rotate', {
        device_id: options.device,
        ...(epoch === undefined ? {} : { epoch }),
        rotation,
        entity_types: types,
        key_id: keyId,
        entities: entities.map((sealed) => toWire({ sealed, base: sealed.version - 1 })),
        commit,
      })
      if (status === 200) return { outcome: 'staged', rotated: rotateAnswer.parse(body).rotated }
      if (status === 410) return { outcome: 'epoch-changed' }
      const error = refusal(status, body)
      if (error.code === 'ROTATION_INCOMPLETE') return { outcome: 'incomplete', ...incompleteAnswer.parse(body) }
      if (error.code === 'QUOTA_EXCEEDED') return { outcome: 'full', room: quotaAnswer.parse(body) }
      throw error
    },
    push: async (writes, epoch) => {
      const { status, body } = await post('/sync/push', {
        device_id: options.device,
        ...(epoch === undefined ? {} : { epoch }),
        entities: writes.map(toWire),
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
      return pullResult(await request(`/sync/pull?${query}`, {}))
    },
  }
}

/** What a server's answer to a pull comes to. @throws what it refused for any other reason */
export function pullResult({ status, body }: { status: number; body: unknown }): PullResult {
  if (status === 200) return { outcome: 'page', page: pullAnswer.parse(body) }
  if (status === 410) return { outcome: 'epoch-changed', ...epochAnswer.parse(body) }
  const error = refusal(status, body)
  if (error.code === 'BAD_CURSOR') return { outcome: 'bad-cursor' }
  if (error.code === 'CURSOR_EXPIRED') return { outcome: 'expired' }
  throw error
}
