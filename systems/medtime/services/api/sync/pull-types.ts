import type { CustomTypesConfig } from 'pg'
import type { PullAnswer } from './wire.ts'

/*
 * How the columns of a page are read: each in one step from the text Postgres sends to what the answer holds. A page has
 * hundreds of values, and the driver's own readers go by way of objects nobody needs.
 */

const int8 = 20
const bool = 16
const int4 = 23
const bytea = 17

export const pullTypes: CustomTypesConfig = {
  getTypeParser: (type: number) => {
    if (type === bytea) return base64OfHex
    if (type === int8 || type === int4) return Number
    if (type === bool) return (text: string) => text === 't'
    return (text: string) => text
  },
}

/** A row of a page as `pullTypes` reads it. */
export interface ChangeRow {
  change_epoch: number
  id: string
  entity_type: string
  version: number
  deleted: boolean
  key_id: string
  encrypted_blob: string
  checksum: string
  client_id: string
  changed_at: string
}

/** An entity as a pull tells it: already in the words of the wire, so that a page is built once. */
export type StoredChange = PullAnswer['entities'][number]

export function changeOf(row: ChangeRow): StoredChange {
  return {
    id: row.id,
    entity_type: row.entity_type,
    version: row.version,
    deleted: row.deleted,
    key_id: row.key_id,
    encrypted_blob: row.encrypted_blob,
    checksum: row.checksum,
    client_id: row.client_id,
    updated_at: isoOf(row.changed_at),
    epoch: row.change_epoch,
  }
}

/** Base64 of a bytea, which arrives as `\x` and hex. */
export function base64OfHex(text: string): string {
  return Buffer.from(text.slice(2), 'hex').toString('base64')
}

/** RFC 3339 in UTC with milliseconds, from a timestamptz in ISO style at UTC: `2026-02-03 04:05:06.78+00`. */
export function isoOf(text: string): string {
  const fraction = text[19] === '.' ? text.slice(20, text.indexOf('+', 20)).padEnd(3, '0').slice(0, 3) : '000'
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}Z`
}
