import { hash } from 'node:crypto'
import { ApiError } from '../http/api-error.ts'
import { blobLimit, type PushEntity, type Rejection } from './wire.ts'

/** The entities of a push as columns, in the order they came; the blobs lie one after the other in one buffer. */
export interface Batch {
  ids: string[]
  types: string[]
  versions: number[]
  /** The version each replaces. */
  bases: number[]
  deleted: boolean[]
  keys: string[]
  checksums: string[]
  /** Where each blob begins, from 1 as SQL counts. */
  starts: number[]
  sizes: number[]
  blobs: Buffer
}

/**
 * Decodes and checks every blob. The batch holds the entities that are sound; the others are named with what is wrong.
 * @throws ApiError BAD_REQUEST where an entity contradicts itself.
 */
export function readBatch(entities: readonly PushEntity[]): { batch: Batch; rejected: Rejection[] } {
  const sizes = entities.map((entity) => decodedSize(entity.encrypted_blob))
  const total = sizes.reduce<number>((sum, size) => sum + (size <= blobLimit ? size : 0), 0)
  const blobs = Buffer.allocUnsafe(total)
  const batch: Batch = {
    ids: [],
    types: [],
    versions: [],
    bases: [],
    deleted: [],
    keys: [],
    checksums: [],
    starts: [],
    sizes: [],
    blobs,
  }
  const rejected: Rejection[] = []
  const seen = new Set<string>()
  let end = 0
  for (const [index, entity] of entities.entries()) {
    const id = entity.id.toLowerCase()
    const base = entity.base_version ?? entity.version - 1
    if (base >= entity.version) {
      throw new ApiError('BAD_REQUEST', { message: `/entities/${index}/base_version: must be below the version` })
    }
    const size = sizes[index] ?? 0
    const checksum = entity.checksum.toLowerCase()
    const start = end
    const reason = seen.has(id) ? 'duplicate' : fault(entity.encrypted_blob, size, checksum, blobs, start)
    seen.add(id)
    if (reason !== undefined) {
      rejected.push({ index, id, reason, detail: details[reason] })
      continue
    }
    end += size
    batch.ids.push(id)
    batch.types.push(entity.entity_type)
    batch.versions.push(entity.version)
    batch.bases.push(base)
    batch.deleted.push(entity.deleted)
    batch.keys.push(entity.key_id)
    batch.checksums.push(checksum)
    batch.starts.push(start + 1)
    batch.sizes.push(size)
  }
  return { batch, rejected }
}

const details: Record<Rejection['reason'], string> = {
  checksum: 'The SHA-256 of the blob is not the checksum.',
  too_large: `A blob may hold ${blobLimit} bytes.`,
  format: 'The blob is not base64.',
  duplicate: 'An entity may stand in a push once.',
  empty: 'The blob is empty.',
}

/** Writes the blob at `start` and says what is wrong with it. */
function fault(
  text: string,
  size: number,
  checksum: string,
  blobs: Buffer,
  start: number,
): Exclude<Rejection['reason'], 'duplicate'> | undefined {
  if (text.length === 0) return 'empty'
  if (text.length % 4 !== 0) return 'format'
  if (size > blobLimit) return 'too_large'
  // Node skips what is not base64. Encoding again and comparing finds that, and every second spelling of the same bytes.
  if (blobs.write(text, start, size, 'base64') !== size) return 'format'
  if (blobs.toString('base64', start, start + size) !== text) return 'format'
  if (hash('sha256', blobs.subarray(start, start + size), 'hex') !== checksum) return 'checksum'
  return undefined
}

function decodedSize(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return Math.max(0, Math.floor(text.length / 4) * 3 - padding)
}
