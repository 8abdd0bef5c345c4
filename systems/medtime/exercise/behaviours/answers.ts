import type { Expectation, Json } from 'aval'
import type { WireEntity } from '../wire.ts'

const opaque = 're:^[A-Za-z0-9._~-]+$'

/** The whole batch was written, or was there already. */
export function accepted(count: number): Expectation {
  return { status: 200, json: { synced: count, conflicts: [], cursor: opaque, epoch: 'any:number' } }
}

/** What a conflict names: the entity, and what the server holds of it. */
export function conflictOn(entity: WireEntity, stored: WireEntity | undefined): Json {
  return stored === undefined
    ? { id: entity.id, reason: 'version', server_version: 0, server_checksum: '' }
    : { id: entity.id, reason: 'version', server_version: stored.version, server_checksum: stored.checksum }
}

/** Nothing was written because of these conflicts, in the order of the batch. */
export function conflicted(...conflicts: Json[]): Expectation {
  return { status: 409, json: { code: 'CONFLICT', synced: 0, conflicts, rejected: [] } }
}

export type RejectionReason = 'checksum' | 'too_large' | 'format' | 'duplicate' | 'empty'

export function rejection(index: number, entity: WireEntity, reason: RejectionReason): Json {
  return { index, id: entity.id, reason, detail: 'any:string' }
}

/** Nothing was written because of these items; conflicts are told beside them. */
export function rejected(rejections: Json[], conflicts: Json[] = []): Expectation {
  return { status: 422, json: { code: 'REJECTED', synced: 0, conflicts, rejected: rejections } }
}

/** Exactly these entities in this order, each as it was pushed. */
export function page(entities: WireEntity[], options: { more?: boolean } = {}): Expectation {
  return {
    status: 200,
    json: { entities, has_more: options.more ?? false, cursor: opaque, epoch: 'any:number' },
  }
}

/** An error that says its code, and neither where in the program it arose nor anything else of its inside. */
export function refused(statusCode: number, code: string, lacks: string[] = []): Expectation {
  return {
    status: statusCode,
    headers: { 'content-type': 'application/problem+json' },
    json: { code, status: statusCode, detail: 'any:string', stack: 'absent:' },
    text: { lacks: ['node_modules', '.ts:', 'stack', ...lacks] },
  }
}

export const unauthenticated = refused(401, 'UNAUTHENTICATED')
