import type { RotationApi, StorageRoom } from './api.ts'
import type { LocalStore } from './local-store.ts'
import { open, type SealedEntity, type Sealer, seal } from './sealed-entity.ts'

export type RotationResult =
  | { outcome: 'rotated'; entities: number }
  /** Entities were written meanwhile, or are not here: pull, and begin again. */
  | { outcome: 'incomplete'; entities: { id: string; reason: string }[] }
  | { outcome: 'epoch-changed' }
  | { outcome: 'full'; room: StorageRoom }

/** Something stands between an entity and its new key. `ids` says which entities. */
export class NotReady extends Error {
  readonly ids: readonly string[]
  constructor(why: string, ids: readonly string[]) {
    super(why)
    this.name = 'NotReady'
    this.ids = ids
  }
}

/** Entities and bytes of one request. */
const batchEntities = 50
const batchBytes = 3 * 1_048_576

/**
 * Seals every entity of some types anew under the present key of their collection, tombstones included, and puts all of them in
 * place at once. What this device holds changes with the next pull, like any other device's.
 * @param types all types of one collection
 * @param rotation a new UUID; the same again after a failure goes on where it was
 * @throws NotReady while writes wait, a conflict is open or an entity does not open; RangeError for types of several collections
 */
export async function rotate(
  api: RotationApi,
  store: LocalStore,
  sealer: Sealer,
  types: readonly string[],
  rotation: string,
): Promise<RotationResult> {
  const keyIds = new Set(types.map((type) => sealer.keys.current(sealer.collectionOf(type)).id))
  const [keyId] = keyIds
  if (keyId === undefined || keyIds.size > 1) throw new RangeError('a rotation is of the types of one collection')
  const records = (await store.all()).filter(({ type }) => types.includes(type))
  const unsettled = records.filter(({ pending, conflict }) => pending.length > 0 || conflict !== undefined)
  if (unsettled.length > 0) throw new NotReady('sync and decide conflicts first', idsOf(unsettled))
  const due = records.flatMap(({ confirmed }) =>
    confirmed === undefined || confirmed.sealed.keyId === keyId ? [] : [confirmed.sealed],
  )
  const sealed = due.map((old) => resealed(sealer, old))
  const closed = due.filter((_, index) => sealed[index] === undefined)
  if (closed.length > 0) throw new NotReady('these do not open with any key of this device', idsOf(closed))

  const { epoch } = await store.state()
  const batches = batchesOf(sealed.filter((entity) => entity !== undefined))
  for (const [index, batch] of batches.entries()) {
    const last = index === batches.length - 1
    const result = await api.rotate({ rotation, types, keyId, epoch, entities: batch, commit: last })
    if (result.outcome !== 'staged') return result
    if (last) return { outcome: 'rotated', entities: result.rotated }
  }
  return { outcome: 'rotated', entities: 0 }
}

function resealed(sealer: Sealer, old: SealedEntity): SealedEntity | undefined {
  const content = open(sealer, old)
  if (content === undefined) return undefined
  const { id, type, version, deleted } = old
  return seal(sealer, { id, type, version: version + 1, deleted }, { value: content.value, parent: old.checksum })
}

/** At least one, so that a collection without entities is asked about as well. */
function batchesOf(entities: readonly SealedEntity[]): SealedEntity[][] {
  const batches: SealedEntity[][] = [[]]
  let bytes = 0
  for (const entity of entities) {
    const current = batches.at(-1)
    bytes += entity.blob.length
    if (current !== undefined && (current.length === 0 || (current.length < batchEntities && bytes <= batchBytes))) {
      current.push(entity)
    } else {
      batches.push([entity])
      bytes = entity.blob.length
    }
  }
  return batches
}

function idsOf(entities: readonly { id: string }[]): string[] {
  return entities.map(({ id }) => id)
}
