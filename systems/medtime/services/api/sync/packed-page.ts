import type { CustomTypesConfig } from 'pg'
import { z } from 'zod'
import type { StoredChange } from './pull-types.ts'

/*
 * A page as `srv_text_page` answers it: one row, in it an array for each field, and all blobs end to end. Read value by value, a page
 * of 50 entities would cost more than all else that a pull does.
 */

/** Every column as the text Postgres sent. */
export const packedTypes: CustomTypesConfig = { getTypeParser: () => (text: string) => text }

const text = z.string()
const whole = text.transform(Number).pipe(z.int())
const truth = text.transform((value) => value === 't')
const list = text.transform((value) => value.split(','))
const plainArray = text.transform(elementsOf)
const jsonTexts = text.transform((value): unknown => JSON.parse(value)).pipe(z.array(z.string()))

const entities = {
  ids: list,
  types: jsonTexts,
  versions: plainArray,
  deleted: plainArray,
  keys: jsonTexts,
  checksums: list,
  clients: jsonTexts,
  changed: plainArray,
  epochs: plainArray,
  sizes: plainArray,
  blobs: text,
}
const head = { change_epoch: whole, floor: whole, expired: truth, number: whole, more: truth }
const fullPage = z.object({ ...head, ...entities })
const emptyPage = z.object({ ...head, ids: z.null() })
const packedRow = z.tuple([z.union([fullPage, emptyPage])])

export type PackedHead = z.output<z.ZodObject<typeof head>>

/** @throws when the database answers what it never does */
export function unpackPage(rows: readonly object[]): PackedHead & { changes: StoredChange[] } {
  const [page] = packedRow.parse(rows)
  const { change_epoch, floor, expired, number, more } = page
  return { change_epoch, floor, expired, number, more, changes: page.ids === null ? [] : changesOf(page) }
}

function changesOf(page: z.output<typeof fullPage>): StoredChange[] {
  // The line ends in it are passed over.
  const blobs = Buffer.from(page.blobs, 'base64')
  let end = 0
  const time = latest(isoOfMicroseconds)
  return page.ids.map((id, index) => {
    const start = end
    end += Number(page.sizes[index])
    return {
      id,
      entity_type: page.types[index] ?? '',
      version: Number(page.versions[index]),
      deleted: page.deleted[index] === 't',
      key_id: page.keys[index] ?? '',
      encrypted_blob: blobs.toString('base64', start, end),
      checksum: page.checksums[index] ?? '',
      client_id: page.clients[index] ?? '',
      updated_at: time(page.changed[index] ?? ''),
      epoch: Number(page.epochs[index]),
    }
  })
}

/** RFC 3339 in UTC with milliseconds, from microseconds since 1970. */
function isoOfMicroseconds(text: string): string {
  return new Date(Math.floor(Number(text) / 1000)).toISOString()
}

/** Remembers the last result: the entities of one push have one time, and lie together. */
function latest(compute: (of: string) => string): (of: string) => string {
  let last = { of: '', result: '' }
  return (of) => {
    if (of !== last.of) last = { of, result: compute(of) }
    return last.result
  }
}

/** Of an array literal whose elements are never quoted: numbers, truth values. */
function elementsOf(literal: string): string[] {
  return literal.slice(1, -1).split(',')
}
