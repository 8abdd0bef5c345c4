import type { z } from 'zod'
import type { Database } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import type { Cursors, Position } from '../sync/cursor.ts'
import { type ChangeRow, changeOf, pullTypes } from '../sync/pull-types.ts'
import { type PullAnswer, pageBytes } from '../sync/wire.ts'
import type { familyPullQuery } from './wire.ts'

/** As `pullTypes` reads it. */
interface Row extends ChangeRow {
  number: number | null
  more: boolean | null
  invite: string
  floor: number
  expired: boolean | null
}

export interface FamilyPullContext {
  database: Database
  cursors: Cursors
}

/**
 * One page of what `supervised` shares with `reader`. Nothing is remembered between requests: a link that ends has ended for
 * every instance with the commit that ends it.
 * @throws ApiError NO_LINK whenever nothing may be read, with no word why; BAD_CURSOR, EPOCH_CHANGED, CURSOR_EXPIRED.
 */
export async function pullFamily(
  reader: string,
  supervised: string,
  query: z.output<typeof familyPullQuery>,
  { database, cursors }: FamilyPullContext,
): Promise<PullAnswer> {
  const from = query.cursor === undefined ? undefined : readCursor(cursors, reader, supervised, query.cursor)
  const [head, ...page] = await database.run<Row>(
    'family-pull',
    'SELECT * FROM public.srv_family_pull($1,$2,$3,$4,$5,$6,$7,$8)',
    [
      reader,
      supervised,
      from?.invite ?? null,
      from?.epoch ?? null,
      from?.sequence ?? 0,
      query.limit,
      pageBytes,
      from?.floor ?? 0,
    ],
    pullTypes,
  )
  if (head === undefined) throw new ApiError('NO_LINK')
  const { invite, change_epoch: epoch, floor } = head
  const issue = (sequence: number) =>
    `${invite}.${cursors.issue(holder(reader, supervised, invite), { epoch, sequence, floor })}`
  // Another link may share other things: what its reader has passed over is not known.
  if (from !== undefined && from.invite !== invite) throw new ApiError('BAD_CURSOR')
  if (from !== undefined && from.epoch !== epoch) {
    throw new ApiError('EPOCH_CHANGED', { details: { epoch, cursor: issue(0) } })
  }
  if (head.expired) throw new ApiError('CURSOR_EXPIRED')
  return {
    entities: page.map(changeOf),
    cursor: issue(head.number ?? 0),
    has_more: head.more ?? false,
    epoch,
  }
}

/** A cursor names its link, and is sealed for the two people and that link: no other pair can use it. */
function readCursor(
  cursors: Cursors,
  reader: string,
  supervised: string,
  cursor: string,
): Position & { invite: string } {
  const [invite = '', token = ''] = cursor.split('.')
  const position = linkId.test(invite) ? cursors.read(holder(reader, supervised, invite), token) : undefined
  if (position === undefined || cursor !== `${invite}.${token}`) throw new ApiError('BAD_CURSOR')
  return { invite, ...position }
}

const linkId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What no user's id can be. */
function holder(reader: string, supervised: string, invite: string): string {
  return `family ${reader} ${supervised} ${invite} `
}
