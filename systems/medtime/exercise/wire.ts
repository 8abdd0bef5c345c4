import { createHash } from 'node:crypto'

/** An encrypted entity as it travels to `/sync/push`. A type, not an interface, so that it is JSON to the compiler too. */
export type WireEntity = {
  id: string
  entity_type: string
  version: number
  deleted: boolean
  key_id: string
  /** Base64. */
  encrypted_blob: string
  /** SHA-256 of the bytes of the blob, hex. */
  checksum: string
}

export interface EntityContent {
  id: string
  type?: string
  version?: number
  deleted?: boolean
  keyId?: string
  /** What stands for the ciphertext; the service cannot tell. */
  bytes: Uint8Array
}

export function wireEntity({ id, type, version, deleted, keyId, bytes }: EntityContent): WireEntity {
  return {
    id,
    entity_type: type ?? 'medication',
    version: version ?? 1,
    deleted: deleted ?? false,
    key_id: keyId ?? 'key-1',
    encrypted_blob: Buffer.from(bytes).toString('base64'),
    checksum: sha256(bytes),
  }
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A UUID (version 8, custom) that a name always leads to. */
export function uuidOf(name: string): string {
  const hex = sha256(name)
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
