import type { CustomTypesConfig } from 'pg'
import { z } from 'zod'
import type { StoredChange } from './pull-types.ts'

/*
 * A page as `srv_text_page` answers it: one row, with the fields of all entities in one text and all blobs end to end. Read value
 * by value, a page of 50 entities would cost more than all else that a pull does.
 */

/** Every column as the text Postgres sent. */
export const packedTypes: CustomTypesConfig = { getTypeParser: () => (text: string) => text }

const text = z.string()
const whole = text.transform(Number).pipe(z.int())
const truth = text.transform((value) => value === 't')
const namesOfEntity = z.tuple([z.string(), z.string(), z.string()])

const head = { change_epoch: whole, floor: whole, expired: truth, number: whole, more: truth }
const fullPage = z.object({
  ...head,
  fields: text.transform((value) => value.split(',')),
  names: text.transform((value): unknown => JSON.parse(value)).pipe(z.array(namesOfEntity)),
  blobs: text,
})
const emptyPage = z.object({ ...head, fields: z.null() })
const packedRow = z.tuple([z.union([fullPage, emptyPage])])

export type PackedHead = z.output<z.ZodObject<typeof head>>

/** @throws when the database answers what it never does */
export function unpackPage(rows: readonly object[]): PackedHead & { changes: StoredChange[] } {
  const [page] = packedRow.parse(rows)
  const { change_epoch, floor, expired, number, more } = page
  return { change_epoch, floor, expired, number, more, changes: page.fields === null ? [] : changesOf(page) }
}

/** Blobs of one page at a time, decoded and written out again before anything else runs: memory of their own would be made and freed for every pull. */
const scratch = Buffer.allocUnsafeSlow(262_144)

/** The bytes of base64 with line ends in it, which are passed over; valid until it is called again. */
function decoded(base64: string): Buffer {
  if (Math.ceil(base64.length * 0.75) > scratch.length) return Buffer.from(base64, 'base64')
  return scratch.subarray(0, scratch.write(base64, 'base64'))
}

function changesOf(page: z.output<typeof fullPage>): StoredChange[] {
  const blobs = decoded(page.blobs)
  let end = 0
  const time = latest(isoOfMicroseconds)
  return page.names.map(([entity_type, key_id, client_id], index) => {
    const [id = '', version, deleted, checksum = '', changed = '', epoch, size] = page.fields[index]?.split(' ') ?? []
    const start = end
    end += Number(size)
    return {
      id,
      entity_type,
      version: Number(version),
      deleted: deleted === 't',
      key_id,
      encrypted_blob: blobs.toString('base64', start, end),
      checksum,
      client_id,
      updated_at: time(changed),
      epoch: Number(epoch),
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
